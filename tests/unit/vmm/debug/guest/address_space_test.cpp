// User addresses of a chosen process, and the kernel's where a vCPU in user mode does not map it.
#include <gtest/gtest.h>

#include "arch/x86_64/control_bits.h"
#include "tests/unit/vmm/debug/breakpoints/stopped_machine.h"
#include "tests/unit/vmm/debug/guest/test_guest.h"
#include "vmm/debug/breakpoints/breakpoint_table.h"
#include "vmm/debug/guest/guest_view.h"

namespace ringside::debug {
namespace {

using testing::TestGuest;

constexpr std::uint64_t kPresentWritable = 3;
// Another process: TestGuest::kMapped leads to another frame there.
constexpr std::uint64_t kOtherRoot = 0x8000, kOtherPdpt = 0x9000, kOtherDirectory = 0xa000,
                        kOtherTable = 0xb000;
constexpr std::uint64_t kOwnFrame = 0x100000, kOtherFrame = 0x180000;
// The same process as TestGuest's with page-table isolation: tables for the kernel, and behind them for user
// mode.
constexpr std::uint64_t kKernelRoot = 0xc000, kUserRoot = 0xd000;
constexpr std::uint64_t kKernelAddress = 0xffffffff80000000 + TestGuest::kMapped;

class AddressSpaceTest : public ::testing::Test {
  protected:
    AddressSpaceTest() {
        guest_.poke(kOtherRoot, kOtherPdpt | kPresentWritable);
        guest_.poke(kOtherPdpt, kOtherDirectory | kPresentWritable);
        guest_.poke(kOtherDirectory + 8, kOtherTable | kPresentWritable);
        guest_.poke(kOtherTable, kOtherFrame | kPresentWritable);
        for (const std::uint64_t root : {kKernelRoot, kUserRoot})
            guest_.poke(root, TestGuest::kPdpt | kPresentWritable);
        guest_.poke(kKernelRoot + 8 * 511, TestGuest::kPdpt | kPresentWritable);
        guest_.poke(TestGuest::kPdpt + 8 * 510, TestGuest::kDirectory | kPresentWritable);
        guest_.poke(kOwnFrame, std::uint8_t{0x11});
        guest_.poke(kOtherFrame, std::uint8_t{0x22});
    }

    // The guest-physical address of a client's address; 0 if it is not mapped.
    std::uint64_t found(std::uint64_t address) const {
        const auto tables = guest_.view.tables_for(guest_.state.system, Gva{address});
        const auto page = guest_.view.translate(tables, Gva{address});
        return page ? page->gpa.value : 0;
    }
    bool in(std::uint64_t cr3) const {
        return guest_.view.in_address_space(guest_.state.system, cr3, Gva{TestGuest::kMapped});
    }

    machine::StoppedMachineOfTests machine_;
    TestGuest guest_;
    BreakpointTable table_{guest_.memory};
};

TEST_F(AddressSpaceTest, UserAddressesAreTheVcpusOwnUnlessOthersWereChosen) {
    EXPECT_EQ(found(TestGuest::kMapped), kOwnFrame);
    ASSERT_TRUE(guest_.view.choose_address_space(kOtherRoot));
    EXPECT_EQ(found(TestGuest::kMapped), kOtherFrame);
    ASSERT_TRUE(guest_.view.choose_address_space(std::nullopt));
    EXPECT_EQ(found(TestGuest::kMapped), kOwnFrame);
}

TEST_F(AddressSpaceTest, AKernelsAddressIsLookedUpByTheVcpu) {
    guest_.state.system.cr3 = kKernelRoot;
    ASSERT_TRUE(guest_.view.choose_address_space(kOtherRoot));
    EXPECT_EQ(found(kKernelAddress), kOwnFrame);
}

TEST_F(AddressSpaceTest, WithoutPagingThereIsNoneToChoose) {
    ASSERT_TRUE(guest_.view.choose_address_space(kOtherRoot));
    EXPECT_EQ(guest_.view.address_space_of(guest_.state.system, Gva{TestGuest::kMapped}), kOtherRoot);
    EXPECT_EQ(guest_.view.address_space_of(guest_.state.system, Gva{kKernelAddress}), std::nullopt);
    guest_.state.system.cr0 = x86::cr0::kPe;
    guest_.state.system.efer = 0;
    EXPECT_EQ(guest_.view.address_space_of(guest_.state.system, Gva{TestGuest::kMapped}), std::nullopt);
}

// 4 MiB pages: the first is the kernel's in both processes, the second each one's own.
TEST_F(AddressSpaceTest, ThirtyTwoBitKernelsHaveThemToo) {
    constexpr std::uint32_t kLarge = 0x83, kKernel = 0x1000, kProcess = 0x400000;
    constexpr std::uint64_t kDirectory = 0x10000, kOtherOne = 0x11000;
    guest_.poke(kDirectory, kLarge);
    guest_.poke(kOtherOne, kLarge);
    guest_.poke(kDirectory + 4, kLarge | 0x400000U);
    guest_.poke(kOtherOne + 4, kLarge | 0x800000U);
    guest_.state.system.efer = 0;
    guest_.state.system.cr4 = 0x10;  // PSE
    guest_.state.system.cr3 = kDirectory;
    EXPECT_EQ(found(kProcess), 0x400000U);
    ASSERT_TRUE(guest_.view.choose_address_space(kOtherOne));
    EXPECT_EQ(found(kProcess), 0x800000U);
    EXPECT_FALSE(guest_.view.in_address_space(guest_.state.system, kOtherOne, Gva{kProcess}));
    EXPECT_TRUE(guest_.view.in_address_space(guest_.state.system, kOtherOne, Gva{kKernel})) << "both have it";
}

// Two of PAE's top tables may be in one page.
TEST_F(AddressSpaceTest, PaesTopTablesAreToldApartWithinAPage) {
    constexpr std::uint64_t kFirst = 0x10000, kSecond = 0x10020;
    guest_.poke(kFirst, std::uint64_t{0x12001});
    guest_.poke(kSecond, std::uint64_t{0x13001});
    guest_.poke(std::uint64_t{0x12000} + 8, std::uint64_t{0x83});
    guest_.poke(std::uint64_t{0x13000} + 8, std::uint64_t{0x200083});
    guest_.state.system.efer = 0;
    guest_.state.system.cr3 = kFirst;
    EXPECT_FALSE(guest_.view.in_address_space(guest_.state.system, kSecond, Gva{TestGuest::kMapped}));
    EXPECT_TRUE(guest_.view.in_address_space(guest_.state.system, kFirst | 0x18, Gva{TestGuest::kMapped}));
    ASSERT_TRUE(guest_.view.choose_address_space(kSecond));
    EXPECT_EQ(found(TestGuest::kMapped), 0x200000U);
}

TEST_F(AddressSpaceTest, TablesOutsideMemoryAreRefused) {
    EXPECT_FALSE(guest_.view.choose_address_space(TestGuest::kSize));
    EXPECT_EQ(guest_.view.chosen_address_space(), std::nullopt);
}

TEST_F(AddressSpaceTest, OneProcessHasSeveralValuesOfCr3) {
    EXPECT_TRUE(in(TestGuest::kPml4));
    EXPECT_TRUE(in(TestGuest::kPml4 | 0x801));  // a PCID
    EXPECT_TRUE(in(kUserRoot));                 // leads to the same tables
    EXPECT_FALSE(in(kOtherRoot));
    EXPECT_FALSE(in(0xe000));  // maps nothing
}

TEST_F(AddressSpaceTest, AVcpuInUserModeIsLentTheKernelsTablesOfItsProcess) {
    guest_.state.system.cr3 = kUserRoot | 0x800;
    EXPECT_EQ(found(kKernelAddress), kOwnFrame);
    EXPECT_EQ(found(TestGuest::kMapped), kOwnFrame);
}

TEST_F(AddressSpaceTest, TablesThatLeadToOtherUserMemoryAreNotTheKernels) {
    guest_.state.system.cr3 = kUserRoot;
    guest_.poke(kUserRoot + 8, kOtherPdpt | kPresentWritable);
    EXPECT_EQ(found(kKernelAddress), 0U);
    guest_.poke(kKernelRoot + 8, kOtherPdpt | kPresentWritable);
    EXPECT_EQ(found(kKernelAddress), kOwnFrame);
    guest_.state.system.cr3 = kKernelRoot + 0x2000;  // not the second of a pair
    EXPECT_EQ(found(kKernelAddress), 0U);
}

TEST_F(AddressSpaceTest, ABreakpointOnAUserAddressBelongsToTheChosenProcess) {
    ASSERT_TRUE(guest_.view.choose_address_space(kOtherRoot));
    HostAbilities abilities;
    abilities.int3_long = Int3::DebugExit;
    table_.set_abilities(abilities);
    gdbstub::BreakpointRequest request;
    request.kind = gdbstub::BreakpointKind::Software;
    request.address = TestGuest::kMapped;
    request.size = 1;
    ASSERT_TRUE(table_.insert(machine_.token(), guest_.view, guest_.state.system, request));
    EXPECT_EQ(guest_.peek(kOtherFrame), 0xcc);
    EXPECT_EQ(guest_.peek(kOwnFrame), 0x11);
    EXPECT_EQ(table_.list().at(0)->address_space, kOtherRoot);
}

}  // namespace
}  // namespace ringside::debug
