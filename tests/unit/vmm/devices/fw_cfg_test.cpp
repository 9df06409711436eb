#include "vmm/devices/fw_cfg.h"

#include <gtest/gtest.h>

#include <array>
#include <cstring>

#include "tests/support/noted_writes.h"
#include "tests/unit/vmm/devices/fakes.h"

namespace ringside::devices {
namespace {

using machine::FwCfgKey;
using machine::GuestMemory;
using machine::MemoryRegion;

constexpr std::uint64_t kData = 1, kDmaHigh = 4, kDmaLow = 8;
constexpr std::uint32_t kError = 1, kRead = 2, kSkip = 4, kSelect = 8, kWrite = 16;
constexpr Gpa kDescriptor{0x100};
constexpr std::uint64_t kRam = 0x2000;
constexpr Gpa kRom{0x2000};

GuestMemory make_memory() {
    std::vector<MemoryRegion> regions;
    regions.push_back(std::move(*MemoryRegion::allocate(Gpa{0}, kRam)));
    regions.push_back(std::move(*MemoryRegion::allocate(kRom, 0x1000, true)));
    return std::move(*GuestMemory::create(std::move(regions)));
}

machine::FwCfgItems make_items() {
    machine::FwCfgItems items;
    items.put(FwCfgKey::Signature, {std::byte{'Q'}, std::byte{'E'}, std::byte{'M'}, std::byte{'U'}});
    return items;
}

class FwCfgTest : public ::testing::Test {
  protected:
    void select(std::uint16_t key) { device.write(0, std::as_bytes(std::span(&key, 1))); }

    std::string read(std::size_t size) {
        std::string text;
        for (std::size_t i = 0; i < size; ++i)
            text += static_cast<char>(in(device, kData));
        return text;
    }

    void write_big_endian(std::uint64_t port, std::uint32_t value) {
        value = __builtin_bswap32(value);
        device.write(port, std::as_bytes(std::span(&value, 1)));
    }

    // Runs a transfer; returns what the device leaves in `control`.
    std::uint32_t transfer(std::uint32_t control, std::uint32_t length, std::uint64_t address) {
        const std::uint32_t words[] = {__builtin_bswap32(control), __builtin_bswap32(length),
                                       __builtin_bswap32(static_cast<std::uint32_t>(address >> 32)),
                                       __builtin_bswap32(static_cast<std::uint32_t>(address))};
        EXPECT_TRUE(memory.write(kDescriptor, std::as_bytes(std::span(words))));
        write_big_endian(kDmaLow, static_cast<std::uint32_t>(kDescriptor.value));
        std::uint32_t left = 0;
        EXPECT_TRUE(memory.read(kDescriptor, std::as_writable_bytes(std::span(&left, 1))));
        return __builtin_bswap32(left);
    }

    std::string text_at(Gpa gpa, std::size_t size) {
        const auto bytes = memory.span(gpa, size);
        return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
    }

    GuestMemory memory = make_memory();
    FwCfg device{make_items(), memory};
};

TEST_F(FwCfgTest, ReadsAnItemByteByByteAndZerosAfterIt) {
    select(0);
    EXPECT_EQ(read(6), std::string("QEMU\0\0", 6));
    select(0);
    EXPECT_EQ(read(2), "QE") << "selecting begins anew";
    select(0x1234);
    EXPECT_EQ(read(2), std::string(2, '\0')) << "an unknown item is an empty one";
}

TEST_F(FwCfgTest, OnlyTheDataPortReads) {
    EXPECT_EQ(in(device, 0), 0xff);
    EXPECT_EQ(in(device, 2), 0xff);
    std::array<char, 4> signature{};
    device.read(kDmaHigh, std::as_writable_bytes(std::span(signature)));
    EXPECT_EQ(std::string(signature.data(), 4), "QEMU");
    device.read(kDmaLow, std::as_writable_bytes(std::span(signature)));
    EXPECT_EQ(std::string(signature.data(), 4), " CFG");
}

TEST_F(FwCfgTest, CopiesAnItemToGuestMemory) {
    std::ranges::fill(memory.span(Gpa{0x200}, 8), std::byte{0xff});
    EXPECT_EQ(transfer(kSelect | kRead, 6, 0x200), 0U);
    EXPECT_EQ(text_at(Gpa{0x200}, 8), std::string("QEMU\0\0\xff\xff", 8));
}

TEST_F(FwCfgTest, WhatATransferWritesIsReported) {
    ringside::testing::NotedWrites noted;
    select(0);
    const std::uint32_t words[] = {__builtin_bswap32(kRead), __builtin_bswap32(4), 0,
                                   __builtin_bswap32(0x1000)};
    ASSERT_TRUE(memory.write(kDescriptor, std::as_bytes(std::span(words))));
    memory.set_write_listener(&noted);
    write_big_endian(kDmaLow, static_cast<std::uint32_t>(kDescriptor.value));
    EXPECT_TRUE(noted.cover(Gpa{0x1003}));
    EXPECT_TRUE(noted.cover(kDescriptor)) << "the control word";
}

TEST_F(FwCfgTest, TransfersGoOnWhereTheLastOneEnded) {
    select(0);
    EXPECT_EQ(transfer(kSkip, 1, 0), 0U);
    EXPECT_EQ(transfer(kRead, 2, 0x200), 0U);
    EXPECT_EQ(text_at(Gpa{0x200}, 2), "EM");
    EXPECT_EQ(read(1), "U");
}

TEST_F(FwCfgTest, TheKeyIsInTheUpperHalf) {
    select(0x1234);
    EXPECT_EQ(transfer(0x0000'0000 | kSelect | kRead, 4, 0x200), 0U);
    EXPECT_EQ(text_at(Gpa{0x200}, 4), "QEMU");
    EXPECT_EQ(transfer(0x1234'0000 | kSelect | kRead, 4, 0x200), 0U);
    EXPECT_EQ(text_at(Gpa{0x200}, 4), std::string(4, '\0'));
}

TEST_F(FwCfgTest, AKernelSaysWhereItsVmcoreinfoIs) {
    const std::uint32_t key = 0x20U << 16;  // the first file, and the only one
    const FwCfg::VmcoreinfoEntry entry{7, 1, 0x1018, 0x123000};
    ASSERT_TRUE(memory.write(Gpa{0x200}, std::as_bytes(std::span(&entry, 1))));
    EXPECT_EQ(device.vmcoreinfo(), std::nullopt);
    EXPECT_EQ(transfer(key | kSelect | kWrite, 8, 0x200), kError) << "a part of it";
    EXPECT_EQ(transfer(key | kSelect | kSkip, 8, 0), 0U);
    EXPECT_EQ(transfer(kWrite, 16, 0x200), kError) << "not at its start";
    EXPECT_EQ(transfer(kSelect | kWrite, 16, 0x200), kError) << "another item";
    EXPECT_EQ(transfer(key | kSelect | kWrite, 16, kRom.value + 0xff8), kError) << "from beyond memory";
    EXPECT_EQ(device.vmcoreinfo(), std::nullopt);

    EXPECT_EQ(transfer(key | kSelect | kWrite, 16, 0x200), 0U);
    const auto said = device.vmcoreinfo();
    ASSERT_TRUE(said);
    EXPECT_EQ(*said, (FwCfg::VmcoreinfoEntry{1, 1, 0x1018, 0x123000})) << "the host's formats stay";
    select(0x20);
    EXPECT_EQ(read(4), std::string("\x01\0\x01\0", 4)) << "it reads back";

    const FwCfg::State saved = device.save();
    const FwCfg::VmcoreinfoEntry none{};
    ASSERT_TRUE(memory.write(Gpa{0x200}, std::as_bytes(std::span(&none, 1))));
    EXPECT_EQ(transfer(key | kSelect | kWrite, 16, 0x200), 0U);
    EXPECT_EQ(device.vmcoreinfo(), std::nullopt) << "taken back";
    device.restore(saved);
    EXPECT_EQ(device.vmcoreinfo(), said);
}

TEST_F(FwCfgTest, AnotherKernelsItemsTakeThePlaceOfTheFirst) {
    machine::FwCfgItems items;
    items.put_file("a file of the other kernel", {std::byte{'x'}});
    device.replace(std::move(items));
    select(0x20);
    EXPECT_EQ(read(1), "x");
    select(static_cast<std::uint16_t>(FwCfgKey::Signature));
    EXPECT_EQ(read(1), std::string(1, '\0'));
    const FwCfg::VmcoreinfoEntry entry{1, 1, 0x1018, 0x123000};
    ASSERT_TRUE(memory.write(Gpa{0x200}, std::as_bytes(std::span(&entry, 1))));
    EXPECT_EQ(transfer(0x21U << 16 | kSelect | kWrite, 16, 0x200), 0U) << "vmcoreinfo comes behind them";
    EXPECT_TRUE(device.vmcoreinfo());
}

TEST_F(FwCfgTest, RefusesWhatIsNotRamAndWhatIsNotARead) {
    EXPECT_EQ(transfer(kSelect | kRead, 4, kRam - 2), kError) << "reaches into the ROM";
    EXPECT_EQ(text_at(Gpa{kRam - 2}, 2), std::string(2, '\0')) << "nothing was copied";
    EXPECT_EQ(transfer(kSelect | kRead, 4, kRom.value), kError);
    EXPECT_EQ(text_at(kRom, 4), std::string(4, '\0'));
    EXPECT_EQ(transfer(kSelect | kRead, 0xffffffff, 0), kError);
    EXPECT_EQ(transfer(kSelect | kRead, 4, ~std::uint64_t{0}), kError);
    EXPECT_EQ(transfer(kSelect | kWrite, 4, 0x200), kError);
    EXPECT_EQ(transfer(kSelect | kRead, 0, ~std::uint64_t{0}), 0U) << "nothing to copy";
    EXPECT_EQ(transfer(0, 4, 0x200), 0U) << "nothing to do";
}

TEST_F(FwCfgTest, SkipsBeyondTheEndOfTheWorldStayThere) {
    select(0);
    EXPECT_EQ(transfer(kSkip, 0xffffffff, 0), 0U);
    EXPECT_EQ(transfer(kSkip, 0xffffffff, 0), 0U);
    EXPECT_EQ(read(1), std::string(1, '\0'));
}

TEST_F(FwCfgTest, ADescriptorOutsideOfRamIsIgnored) {
    write_big_endian(kDmaHigh, 1);
    write_big_endian(kDmaLow, 0x100);  // 4 GiB and 0x100
    write_big_endian(kDmaLow, static_cast<std::uint32_t>(kRom.value));
    write_big_endian(kDmaLow, kRam - 8);
    EXPECT_EQ(transfer(kSelect | kRead, 4, 0x200), 0U) << "the high half counts once";
}

TEST_F(FwCfgTest, ContinuesAsTheSavedOneWould) {
    select(0);
    EXPECT_EQ(read(1), "Q");
    const auto state = device.save();
    select(0x1234);
    device.restore(state);
    EXPECT_EQ(read(1), "E");
    device.restore({0, 0xffffffff, 0xffffffff, {}});
    EXPECT_EQ(read(1), std::string(1, '\0'));
}

}  // namespace
}  // namespace ringside::devices
