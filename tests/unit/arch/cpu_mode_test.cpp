#include "arch/x86_64/cpu_mode.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "arch/x86_64/control_bits.h"

namespace ringside::x86 {
namespace {

struct ModeCase {
    const char* label;
    std::uint64_t cr0, efer, rflags;
    std::uint8_t l, db;
    CpuMode mode;
    unsigned address_size, operand_size;
};

class CpuModeTable : public testing::TestWithParam<ModeCase> {};

TEST_P(CpuModeTable, FollowsControlBitsAndCodeSegment) {
    const ModeCase& c = GetParam();
    CpuState state;
    state.system.cr0 = c.cr0;
    state.system.efer = c.efer;
    state.general.rflags = c.rflags;
    state.system.cs.l = c.l;
    state.system.cs.db = c.db;
    EXPECT_EQ(cpu_mode(state), c.mode);
    EXPECT_EQ(default_address_size(c.mode), c.address_size);
    EXPECT_EQ(default_operand_size(c.mode), c.operand_size);
}

constexpr std::uint64_t kLong = efer::kLme | efer::kLma;

INSTANTIATE_TEST_SUITE_P(
    All, CpuModeTable,
    testing::Values(ModeCase{"reset", cr0::kEt, 0, 2, 0, 0, CpuMode::Real, 2, 2},
                    ModeCase{"big real", cr0::kEt, 0, 2, 0, 1, CpuMode::Real, 2, 2},
                    ModeCase{"protected 16", cr0::kPe, 0, 2, 0, 0, CpuMode::Protected16, 2, 2},
                    ModeCase{"protected 32", cr0::kPe, 0, 2, 0, 1, CpuMode::Protected32, 4, 4},
                    // L means nothing until EFER.LMA is set.
                    ModeCase{"LME only", cr0::kPe, efer::kLme, 2, 1, 1, CpuMode::Protected32, 4, 4},
                    ModeCase{"vm86", cr0::kPe, 0, 2 | rflags::kVm, 0, 1, CpuMode::Virtual8086, 2, 2},
                    ModeCase{"compat 16", cr0::kPe, kLong, 2, 0, 0, CpuMode::Compatibility16, 2, 2},
                    ModeCase{"compat 32", cr0::kPe, kLong, 2, 0, 1, CpuMode::Compatibility32, 4, 4},
                    ModeCase{"long", cr0::kPe, kLong, 2, 1, 0, CpuMode::Long64, 8, 4}),
    [](const auto& test) {
        std::string label = test.param.label;
        std::replace(label.begin(), label.end(), ' ', '_');
        return label;
    });

CpuState real_mode() {
    CpuState state;
    state.system.cr0 = cr0::kEt;
    return state;
}

TEST(LinearAddress, AddsTheSegmentBaseAtReset) {
    CpuState state = real_mode();
    state.system.cs = {.base = 0xffff0000, .limit = 0xffff, .selector = 0xf000};
    state.general.rip = 0xfff0;
    EXPECT_EQ(linear_pc(state), Gva{0xfffffff0});
}

TEST(LinearAddress, WrapsAt4GiBOutside64BitMode) {
    CpuState state = real_mode();
    state.system.ds.base = 0xffff0000;
    EXPECT_EQ(linear_address(CpuMode::Protected32, state.system, SegmentName::Ds, 0x20000), Gva{0x10000});
}

TEST(LinearAddress, Ignores64BitModeBasesButFsAndGs) {
    SystemRegisters system;
    system.ds.base = 0x1000;
    system.gs.base = 0xffff888000000000;
    EXPECT_EQ(linear_address(CpuMode::Long64, system, SegmentName::Ds, 0x10), Gva{0x10});
    EXPECT_EQ(linear_address(CpuMode::Long64, system, SegmentName::Gs, 0x10), Gva{0xffff888000000010});
}

TEST(LinearAddress, CutsTheStackPointerTo16BitsWithoutSsB) {
    CpuState state = real_mode();
    state.general.rsp = 0x12347c00;
    state.system.ss.base = 0x20000;
    EXPECT_EQ(linear_sp(state.general, state.system), Gva{0x27c00});
    state.system.ss.db = 1;
    EXPECT_EQ(linear_sp(state.general, state.system), Gva{0x12367c00});
}

TEST(PrivilegeLevel, IsSsDplBut0InRealAnd3InVirtual8086Mode) {
    CpuState state = real_mode();
    state.system.ss.dpl = 2;
    EXPECT_EQ(privilege_level(state.general, state.system), 0u);
    state.system.cr0 = cr0::kPe;
    EXPECT_EQ(privilege_level(state.general, state.system), 2u);
    state.general.rflags |= rflags::kVm;
    EXPECT_EQ(privilege_level(state.general, state.system), 3u);
}

}  // namespace
}  // namespace ringside::x86
