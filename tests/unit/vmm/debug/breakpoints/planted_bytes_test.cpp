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

// An instruction that is planted in place of an int3 follows the same rules.
TEST_F(PlantedBytesTest, AnHltIsPlantedHiddenLiftedAndTakenOutAsAnInt3Is) {
    constexpr std::uint8_t kHlt = 0xf4;
    HostAbilities abilities;
    abilities.halt_traps = true;
    use(abilities);
    ASSERT_TRUE(insert(BreakpointKind::Software, kCode));
    EXPECT_EQ(mechanism(), Mechanism::Planted);
    EXPECT_STREQ(mechanism_name(*table_.list().at(0)), "hlt");
    EXPECT_EQ(guest_.peek(kCode), kHlt);
    EXPECT_EQ(seen_by_a_client(kCode), std::byte{kNop});
    EXPECT_FALSE(table_.plan().int3s);
    EXPECT_TRUE(table_.plan().exit_traps.halt);
    EXPECT_TRUE(table_.plan_without_slots().exit_traps.halt);
    table_.planted().lift(Gpa{kCode});
    EXPECT_EQ(guest_.peek(kCode), kNop);
    table_.planted().put_back(Gpa{kCode});
    write_under(kCode, {0x55});
    EXPECT_EQ(guest_.peek(kCode), kHlt);
    remove(BreakpointKind::Software, kCode);
    EXPECT_EQ(guest_.peek(kCode), 0x55);
    EXPECT_FALSE(table_.plan().exit_traps.any());
}

TEST_F(PlantedBytesTest, TwoAddressesOfOnePlaceShareWhatIsPlanted) {
    constexpr std::uint8_t kUdb = 0xd6;
    HostAbilities abilities;
    abilities.undefined_traps = true;
    use(abilities);
    // The same page once more, at an address that only 64-bit code has.
    constexpr std::uint64_t kHigh = 0x8000000000 + kCode;
    guest_.poke(TestGuest::kPml4 + 8, TestGuest::kPdpt | 3);
    ASSERT_TRUE(insert(BreakpointKind::Software, kHigh));
    EXPECT_EQ(guest_.peek(kCode), kUdb);
    abilities.halt_traps = true;
    use(abilities);
    ASSERT_TRUE(insert(BreakpointKind::Software, kCode));
    EXPECT_EQ(guest_.peek(kCode), kUdb);
    remove(BreakpointKind::Software, kHigh);
    EXPECT_EQ(guest_.peek(kCode), kUdb);
    EXPECT_TRUE(table_.plan().exit_traps.undefined);
    EXPECT_FALSE(table_.plan().exit_traps.halt);
    remove(BreakpointKind::Software, kCode);
    EXPECT_EQ(guest_.peek(kCode), kNop);
}

TEST_F(PlantedBytesTest, AWriteWhileAnInt3IsLiftedIsSeenAndKept) {
    ASSERT_TRUE(insert(BreakpointKind::Software, kCode));
    table_.planted().lift(Gpa{kCode});
    write_under(kCode, {0x55});
    EXPECT_EQ(guest_.peek(kCode), 0x55);
    table_.planted().put_back(Gpa{kCode});
    EXPECT_EQ(guest_.peek(kCode), kInt3);
    EXPECT_EQ(seen_by_a_client(kCode), std::byte{0x55});
}

// A page may be another's by the time a disk writes to it. Where there are no pages, code is being loaded.
TEST_F(PlantedBytesTest, DevicesDoNotSeeAnInt3AndWriteOverItUnlessPagingIsOff) {
    guest_.memory.set_planted(table_.planted());
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
    guest_.memory.set_planted(table_.planted());
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
    guest_.memory.set_planted(table_.planted());
    ASSERT_TRUE(insert(BreakpointKind::Software, kCode));
    table_.planted().lift(Gpa{kCode});
    const std::array<std::byte, 1> bytes{std::byte{0x55}};
    guest_.memory.device_write(Gpa{kCode}, guest_.memory.span(Gpa{kCode}, 1), bytes);
    EXPECT_EQ(guest_.peek(kCode), 0x55);
    table_.planted().put_back(Gpa{kCode});
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
    table_.planted().lift(Gpa{kCode});
    EXPECT_EQ(guest_.peek(kCode), kNop);
    table_.planted().put_back(Gpa{kCode});
    EXPECT_EQ(guest_.peek(kCode), kInt3);
    table_.planted().lift(Gpa{kCode});
    guest_.poke(kCode, std::uint8_t{0x55});
    table_.planted().put_back(Gpa{kCode});
    EXPECT_EQ(guest_.peek(kCode), 0x55);
}

}  // namespace
}  // namespace ringside::debug
