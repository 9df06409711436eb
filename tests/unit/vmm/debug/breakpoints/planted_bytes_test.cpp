// What becomes of an int3 in memory when others write there.
#include "arch/x86_64/control_bits.h"
#include "tests/unit/vmm/debug/breakpoints/breakpoint_table_fixture.h"

namespace ringside::debug {
namespace {

using PlantedBytesTest = BreakpointTableTest;

TEST_F(PlantedBytesTest, AClientsWriteGoesUnderTheInt3) {
    ASSERT_TRUE(insert(BreakpointKind::Software, kCode));
    write_under(kCode - 1, {0x44, 0x55, 0x66});
    EXPECT_EQ(guest_.peek(kCode - 1), 0x44);
    EXPECT_EQ(guest_.peek(kCode), kInt3);
    EXPECT_EQ(guest_.peek(kCode + 1), 0x66);
    remove(BreakpointKind::Software, kCode);
    EXPECT_EQ(guest_.peek(kCode), 0x55);
}

TEST_F(PlantedBytesTest, AWriteWhileAnInt3IsLiftedIsSeenAndKept) {
    ASSERT_TRUE(insert(BreakpointKind::Software, kCode));
    table_.int3s().lift(Gpa{kCode});
    write_under(kCode, {0x55});
    EXPECT_EQ(guest_.peek(kCode), 0x55);
    table_.int3s().put_back(Gpa{kCode});
    EXPECT_EQ(guest_.peek(kCode), kInt3);
    EXPECT_EQ(seen_by_a_client(kCode), std::byte{0x55});
}

// A page may be another's by the time a disk writes to it. Where there are no pages, code is being loaded.
TEST_F(PlantedBytesTest, DevicesDoNotSeeAnInt3AndWriteOverItUnlessPagingIsOff) {
    guest_.memory.set_planted(table_.int3s());
    const auto place = guest_.memory.span(Gpa{kCode}, 2);
    for (const bool paging : {true, false}) {
        guest_.state.system.cr0 = paging ? guest_.state.system.cr0 : x86::cr0::kPe;
        guest_.poke(kCode, kNop);
        ASSERT_TRUE(insert(BreakpointKind::Software, kCode));
        std::array<std::byte, 2> bytes{};
        guest_.memory.device_read(Gpa{kCode}, place, bytes);
        EXPECT_EQ(bytes[0], std::byte{kNop});
        guest_.poke(kCode, std::uint8_t{0});  // the guest clears it
        bytes = {std::byte{0x55}, std::byte{0x66}};
        guest_.memory.device_write(Gpa{kCode}, place, bytes);
        EXPECT_EQ(guest_.peek(kCode), paging ? 0x55 : kInt3);
        EXPECT_EQ(guest_.peek(kCode + 1), 0x66);
        EXPECT_EQ(seen_by_a_client(kCode), std::byte{0x55});
        remove(BreakpointKind::Software, kCode);
        EXPECT_EQ(guest_.peek(kCode), 0x55);
    }
}

// As fw_cfg, which loads a kernel's code to 1 MiB for firmware.
TEST_F(PlantedBytesTest, WithoutPagingALoaderWritesUnderAnInt3Anywhere) {
    guest_.state.system.cr0 = x86::cr0::kPe;
    guest_.memory.set_planted(table_.int3s());
    constexpr std::uint64_t kAbove = 0x100200;
    guest_.poke(kAbove, kNop);
    ASSERT_TRUE(insert(BreakpointKind::Software, kAbove));
    const std::array<std::byte, 1> bytes{std::byte{0x55}};
    const auto place = guest_.memory.span(Gpa{kAbove}, 1);
    guest_.memory.device_write(Gpa{kAbove}, place, bytes, machine::WrittenBy::Loader);
    EXPECT_EQ(guest_.peek(kAbove), kInt3);
    EXPECT_EQ(seen_by_a_client(kAbove), std::byte{0x55});
    guest_.memory.device_write(Gpa{kAbove}, place, bytes);
    EXPECT_EQ(guest_.peek(kAbove), 0x55) << "a disk's data";
}

TEST_F(PlantedBytesTest, ADeviceWritesOverALiftedInt3WhichIsPutBack) {
    guest_.state.system.cr0 = x86::cr0::kPe;
    guest_.memory.set_planted(table_.int3s());
    ASSERT_TRUE(insert(BreakpointKind::Software, kCode));
    table_.int3s().lift(Gpa{kCode});
    const std::array<std::byte, 1> bytes{std::byte{0x55}};
    guest_.memory.device_write(Gpa{kCode}, guest_.memory.span(Gpa{kCode}, 1), bytes);
    EXPECT_EQ(guest_.peek(kCode), 0x55);
    table_.int3s().put_back(Gpa{kCode});
    EXPECT_EQ(guest_.peek(kCode), kInt3);
}

TEST_F(PlantedBytesTest, AGuestThatOverwritesAnInt3KeepsWhatItWrote) {
    ASSERT_TRUE(insert(BreakpointKind::Software, kCode));
    guest_.poke(kCode, std::uint8_t{0x55});
    EXPECT_EQ(seen_by_a_client(kCode), std::byte{0x55});
    remove(BreakpointKind::Software, kCode);
    EXPECT_EQ(guest_.peek(kCode), 0x55);
}

TEST_F(PlantedBytesTest, ALiftedInt3IsPutBackUnlessTheGuestWroteThere) {
    ASSERT_TRUE(insert(BreakpointKind::Software, kCode));
    table_.int3s().lift(Gpa{kCode});
    EXPECT_EQ(guest_.peek(kCode), kNop);
    table_.int3s().put_back(Gpa{kCode});
    EXPECT_EQ(guest_.peek(kCode), kInt3);
    table_.int3s().lift(Gpa{kCode});
    guest_.poke(kCode, std::uint8_t{0x55});
    table_.int3s().put_back(Gpa{kCode});
    EXPECT_EQ(guest_.peek(kCode), 0x55);
}

}  // namespace
}  // namespace ringside::debug
