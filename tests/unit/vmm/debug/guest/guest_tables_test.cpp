#include "vmm/debug/guest/guest_tables.h"

#include <gtest/gtest.h>

#include "tests/unit/vmm/debug/guest/test_guest.h"

namespace ringside::debug {
namespace {

using testing::TestGuest;

constexpr std::uint64_t kIdt = 0x10000, kGdt = 0x11000;

std::uint64_t gate_low(std::uint32_t offset, std::uint16_t selector, unsigned type, unsigned dpl) {
    return (offset & 0xffff) | std::uint64_t{selector} << 16 | std::uint64_t{0x80 | dpl << 5 | type} << 40 |
           std::uint64_t{offset >> 16} << 48;
}

class GuestTablesTest : public ::testing::Test {
  protected:
    GuestTablesTest() {
        guest_.state.system.idtr = {kIdt, 0xfff};
        guest_.state.system.gdtr = {kGdt, 0x1f};
    }
    auto gate(std::uint8_t vector) {
        return interrupt_gate(guest_.view, guest_.state.general, guest_.state.system, vector);
    }
    auto target(std::uint8_t vector) {
        return interrupt_target(guest_.view, guest_.state.general, guest_.state.system, vector);
    }
    void set_protected_mode() {
        guest_.state.system.cr0 = 0x11;
        guest_.state.system.efer = 0;
        guest_.state.system.cs.l = 0;
        guest_.state.system.cs.db = 1;
    }
    TestGuest guest_;
};

TEST_F(GuestTablesTest, FollowsALongModeGate) {
    guest_.poke(kIdt + 3 * 16, gate_low(0x89abcdef, 8, 0xe, 3));
    guest_.poke<std::uint64_t>(kIdt + 3 * 16 + 8, 0xffffffff);
    ASSERT_TRUE(gate(3));
    EXPECT_EQ(gate(3)->handler.value, 0xffffffff89abcdef);
    EXPECT_EQ(gate(3)->dpl, 3U);
}

TEST_F(GuestTablesTest, AGateThatUserCodeMayNotUseIsNoTargetForIt) {
    guest_.poke(kIdt + 0x80 * 16, gate_low(0x1000, 8, 0xe, 0));
    EXPECT_TRUE(target(0x80));
    guest_.state.system.ss.dpl = 3;
    EXPECT_FALSE(target(0x80));
    EXPECT_TRUE(gate(0x80)) << "an exception may use it";
}

TEST_F(GuestTablesTest, AbsentTaskAndOutOfLimitGatesLeadNowhere) {
    EXPECT_FALSE(gate(5));
    guest_.poke(kIdt + 5 * 16, gate_low(0x1000, 8, 5, 0));  // a task gate
    EXPECT_FALSE(gate(5));
    guest_.poke(kIdt + 5 * 16, gate_low(0x1000, 8, 0xe, 0));
    EXPECT_TRUE(gate(5));
    guest_.state.system.idtr.limit = 5 * 16 + 14;
    EXPECT_FALSE(gate(5));
}

TEST_F(GuestTablesTest, AddsTheCodeSegmentsBaseInProtectedMode) {
    set_protected_mode();
    guest_.poke<std::uint64_t>(kGdt + 8, 0x00cf9b100000ffff | std::uint64_t{0x20} << 56);  // base 0x20100000
    guest_.poke(kIdt + 0x30 * 8, gate_low(0x12345678, 8, 0xe, 0));
    ASSERT_TRUE(gate(0x30));
    EXPECT_EQ(gate(0x30)->handler.value, 0x20100000U + 0x12345678U);
}

TEST_F(GuestTablesTest, ASixteenBitGateHasASixteenBitOffset) {
    set_protected_mode();
    guest_.poke<std::uint64_t>(kGdt + 8, 0x00cf9b000000ffff);
    guest_.poke(kIdt + 0x30 * 8, gate_low(0xdead5678, 8, 6, 0));
    ASSERT_TRUE(gate(0x30));
    EXPECT_EQ(gate(0x30)->handler.value, 0x5678U);
}

TEST_F(GuestTablesTest, FollowsARealModeVector) {
    guest_.state.system.cr0 = 0x10;
    guest_.state.system.efer = 0;
    guest_.state.system.idtr = {0, 0x3ff};
    guest_.poke<std::uint32_t>(4 * 0x21, 0xf000e987);
    ASSERT_TRUE(gate(0x21));
    EXPECT_EQ(gate(0x21)->handler.value, 0xfe987U);
}

TEST_F(GuestTablesTest, KnowsWhetherUserCodeMayBe32Bit) {
    constexpr std::uint64_t kUserCode64 = 0x00affb000000ffff, kUserCode32 = 0x00cffb000000ffff;
    guest_.poke(kGdt + 8, kUserCode64);
    guest_.poke(kGdt + 16, std::uint64_t{0});
    EXPECT_FALSE(may_run_32_bit_user_code(guest_.view, guest_.state.system));
    guest_.poke(kGdt + 16, kUserCode32);
    EXPECT_TRUE(may_run_32_bit_user_code(guest_.view, guest_.state.system));
    guest_.state.system.gdtr.limit = 0xf;
    EXPECT_FALSE(may_run_32_bit_user_code(guest_.view, guest_.state.system)) << "beyond the limit";
    guest_.state.system.gdtr.base = TestGuest::kHole;
    EXPECT_TRUE(may_run_32_bit_user_code(guest_.view, guest_.state.system)) << "unreadable";
}

TEST_F(GuestTablesTest, ReadsSegments) {
    guest_.poke<std::uint64_t>(kGdt + 0x10, 0x00affb000000ffff);  // 64-bit code, DPL 3
    const auto code = table_segment(guest_.view, guest_.state.system, 0x13);
    ASSERT_TRUE(code);
    EXPECT_EQ(code->selector, 0x13);
    EXPECT_EQ(code->dpl, 3);
    EXPECT_EQ(code->l, 1);
    EXPECT_EQ(code->limit, 0xffffffff);
    EXPECT_FALSE(table_segment(guest_.view, guest_.state.system, 0x20)) << "beyond the limit";
    EXPECT_FALSE(table_segment(guest_.view, guest_.state.system, 0x14)) << "there is no LDT";
    EXPECT_FALSE(table_segment(guest_.view, guest_.state.system, 0x18)) << "not present";
}

}  // namespace
}  // namespace ringside::debug
