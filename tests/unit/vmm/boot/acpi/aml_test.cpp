#include "vmm/boot/acpi/aml.h"

#include <gtest/gtest.h>

namespace ringside::boot::acpi::aml {
namespace {

Bytes bytes(std::initializer_list<unsigned> values) {
    Bytes all;
    for (const unsigned value : values)
        all.push_back(static_cast<std::byte>(value));
    return all;
}

TEST(AmlTest, IntegersTakeTheFewestBytes) {
    EXPECT_EQ(integer(0), bytes({0x00}));
    EXPECT_EQ(integer(1), bytes({0x01}));
    EXPECT_EQ(integer(2), bytes({0x0a, 0x02}));
    EXPECT_EQ(integer(0x100), bytes({0x0b, 0x00, 0x01}));
    EXPECT_EQ(integer(0x10000), bytes({0x0c, 0x00, 0x00, 0x01, 0x00}));
    EXPECT_EQ(integer(0x100000000), bytes({0x0e, 0, 0, 0, 0, 1, 0, 0, 0}));
}

TEST(AmlTest, StringsEndWithZero) {
    EXPECT_EQ(string("AB"), bytes({0x0d, 'A', 'B', 0}));
}

TEST(AmlTest, PackagesCountTheirElements) {
    EXPECT_EQ(package({integer(0), integer(5)}), bytes({0x12, 0x05, 0x02, 0x00, 0x0a, 0x05}));
}

// The value that iasl computes for EisaId("PNP0501").
TEST(AmlTest, EisaIdsAreCompressed) {
    EXPECT_EQ(eisa_id("PNP0501"), bytes({0x0c, 0x41, 0xd0, 0x05, 0x01}));
    EXPECT_EQ(eisa_id("PNP0B00"), bytes({0x0c, 0x41, 0xd0, 0x0b, 0x00}));
}

TEST(AmlTest, NamesAndScopes) {
    EXPECT_EQ(name("_UID", integer(1)), bytes({0x08, '_', 'U', 'I', 'D', 0x01}));
    EXPECT_EQ(scope("_SB_", {}), bytes({0x10, 0x06, '\\', '_', 'S', 'B', '_'}));
    EXPECT_EQ(device("COM1", {}), bytes({0x5b, 0x82, 0x05, 'C', 'O', 'M', '1'}));
}

// Package lengths count themselves, and grow a byte at 64, at 4096 and at 1 MiB.
TEST(AmlTest, LengthsGrow) {
    const auto start = [](std::size_t size) {
        const Bytes all = device("AAAA", Bytes(size));
        return Bytes(all.begin() + 2, all.begin() + 5);
    };
    EXPECT_EQ(start(58)[0], std::byte{63});
    EXPECT_EQ(start(59), bytes({0x41, 0x04, 'A'}));                           // 65 = 1 | 4 << 4
    EXPECT_EQ(start(4095 - 6), bytes({0x4f, 0xff, 'A'}));                     // 4095
    EXPECT_EQ(start(4096 - 6), bytes({0x81, 0x00, 0x01}));                    // 4097, in three bytes
    EXPECT_EQ(start((std::size_t{1} << 20) - 7), bytes({0xc1, 0x00, 0x00}));  // 1 MiB + 1, in four
}

TEST(AmlTest, Resources) {
    EXPECT_EQ(io_ports(0x3f8, 8), bytes({0x47, 0x01, 0xf8, 0x03, 0xf8, 0x03, 0x01, 0x08}));
    EXPECT_EQ(isa_interrupt(4), bytes({0x22, 0x10, 0x00}));
    EXPECT_EQ(memory32(0xd0000000, 0x1000),
              bytes({0x86, 0x09, 0x00, 0x01, 0x00, 0x00, 0x00, 0xd0, 0x00, 0x10, 0x00, 0x00}));
    EXPECT_EQ(level_interrupt(16), bytes({0x89, 0x06, 0x00, 0x01, 0x01, 0x10, 0x00, 0x00, 0x00}));
    EXPECT_EQ(resource_template({isa_interrupt(4)}),
              bytes({0x11, 0x08, 0x0a, 0x05, 0x22, 0x10, 0x00, 0x79, 0x00}));
}

}  // namespace
}  // namespace ringside::boot::acpi::aml
