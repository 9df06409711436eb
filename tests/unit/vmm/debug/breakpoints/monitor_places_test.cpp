// The monitor's own breakpoints in the table: on linear and on physical addresses.

#include "tests/unit/vmm/debug/breakpoints/breakpoint_table_fixture.h"

namespace ringside::debug {
namespace {

constexpr std::uint64_t kAboveRealMode = 0x180000;

class NoJudge final : public HitJudge {
    std::optional<std::string> judge(const JudgedHit&) override { return std::nullopt; }
};

class MonitorPlaceTest : public BreakpointTableTest {
  protected:
    const Breakpoint& place(std::uint64_t address, bool physical, HitJudge& whose,
                            BreakpointKind kind = BreakpointKind::Software) {
        gdbstub::BreakpointRequest request;
        request.kind = kind;
        request.address = address;
        request.size = 1;
        table_.insert_for_monitor(machine_.token(), guest_.view, guest_.state.system, request, physical,
                                  whose);
        return *table_.of_judge(whose);
    }
    const Breakpoint& place(std::uint64_t address, bool physical) { return place(address, physical, judge_); }
    bool is_on(const Breakpoint& breakpoint, std::uint64_t pc) const {
        return breakpoint.is_on(table_.place_at(guest_.view, guest_.state.system, Gva{pc}));
    }
    NoJudge judge_, other_;
};

TEST_F(MonitorPlaceTest, APhysicalOneIsPlantedThereAndHitWhereItIsMapped) {
    const auto& breakpoint = place(kMappedGpa, true);
    EXPECT_EQ(breakpoint.mechanism, Mechanism::Planted);
    EXPECT_EQ(guest_.peek(kMappedGpa), kInt3);
    EXPECT_TRUE(is_on(breakpoint, kMappedGpa)) << "the identity";
    EXPECT_TRUE(is_on(breakpoint, TestGuest::kMapped)) << "another address of the same page";
    EXPECT_FALSE(is_on(breakpoint, TestGuest::kMapped + 1));
    EXPECT_FALSE(is_on(breakpoint, TestGuest::kHole));
}

TEST_F(MonitorPlaceTest, APhysicalOneIsSteppedForWhereAnInt3MayGoToTheGuest) {
    auto host = everything();
    host.int3_real = Int3::GoesToGuest;
    use(host);
    guest_.poke(kAboveRealMode, kNop);
    EXPECT_EQ(place(kAboveRealMode, true, other_).mechanism, Mechanism::Planted);
    EXPECT_EQ(place(kCode, true).mechanism, Mechanism::Stepping);
    EXPECT_EQ(guest_.peek(kCode), kNop);
    EXPECT_TRUE(table_.plan().needs_stepping()) << "a debug slot compares linear addresses";
}

TEST_F(MonitorPlaceTest, ASlotIsKeptForTheHandlerOfUserCodesInt3s) {
    auto host = everything();
    host.step_user = false;
    use(host);
    place(kCode, true);
    for (std::uint64_t i = 0; i < 4; ++i)
        ASSERT_TRUE(insert(BreakpointKind::Hardware, kOtherCode + i));
    EXPECT_EQ(table_.plan().stepped_breakpoints.size(), 1U);
    table_.remove_for_monitor(machine_.token(), judge_);
    EXPECT_TRUE(table_.plan().stepped_breakpoints.empty());
}

TEST_F(MonitorPlaceTest, APhysicalOneIsSteppedForUntilThereIsCode) {
    constexpr std::uint64_t kEmpty = 0x50000;
    const auto& breakpoint = place(kEmpty, true);
    EXPECT_EQ(breakpoint.mechanism, Mechanism::Stepping);
    EXPECT_FALSE(table_.can_settle(guest_.view, guest_.state.system));
    guest_.poke(kEmpty, kNop);
    EXPECT_TRUE(table_.can_settle(guest_.view, guest_.state.system));
    table_.settle(guest_.view, guest_.state.system);
    EXPECT_EQ(guest_.peek(kEmpty), kInt3);
    EXPECT_FALSE(table_.plan().needs_stepping());
}

TEST_F(MonitorPlaceTest, APhysicalWatchpointIsSteppedFor) {
    EXPECT_EQ(place(kCode, true, judge_, BreakpointKind::WriteWatch).mechanism, Mechanism::Stepping);
    EXPECT_EQ(table_.plan().stepped_watchpoints.size(), 1U);
    EXPECT_FALSE(table_.plan().dr7.any_enabled());
}

TEST_F(MonitorPlaceTest, ClientsNeitherSeeNorRemoveIt) {
    place(kCode, false);
    ASSERT_TRUE(insert(BreakpointKind::Software, kCode));
    EXPECT_EQ(table_.list().size(), 1U);
    EXPECT_EQ(table_.planted_at(Gpa{kCode})->judge, nullptr) << "the client's comes first";
    remove(BreakpointKind::Software, kCode);
    table_.remove_all(machine_.token());
    EXPECT_EQ(guest_.peek(kCode), kInt3);
    EXPECT_NE(table_.planted_at(Gpa{kCode}), nullptr);
    table_.remove_for_monitor(machine_.token(), judge_);
    EXPECT_EQ(guest_.peek(kCode), kNop);
    EXPECT_EQ(table_.of_judge(judge_), nullptr);
    EXPECT_TRUE(table_.empty());
}

TEST_F(MonitorPlaceTest, HandlersAreReplacedWithoutIt) {
    place(kCode, false);
    place(kOtherCode, true, other_);
    const JudgedPlace handler{Gva{kOtherCode}, &judge_};
    table_.set_judged(guest_.view, guest_.state.system, {&handler, 1});
    table_.set_judged(guest_.view, guest_.state.system, {});
    EXPECT_EQ(guest_.peek(kCode), kInt3);
    EXPECT_EQ(guest_.peek(kOtherCode), kInt3);
}

TEST_F(MonitorPlaceTest, ItStaysWhenTheMachineStartsAnew) {
    place(kCode, false);
    place(kMappedGpa, true, other_);
    table_.lift_all(machine_.token());
    EXPECT_EQ(guest_.peek(kCode), kNop);
    EXPECT_EQ(guest_.peek(kMappedGpa), kNop);
    table_.place_all(machine_.token(), guest_.view, guest_.state.system);
    EXPECT_EQ(guest_.peek(kCode), kInt3);
    EXPECT_EQ(guest_.peek(kMappedGpa), kInt3);
}

TEST_F(MonitorPlaceTest, AnOverwrittenPhysicalOneIsSetAgain) {
    const auto& breakpoint = place(kMappedGpa, true);
    guest_.poke(kMappedGpa, kNop);
    EXPECT_THAT(table_.overwritten(), ::testing::ElementsAre(&breakpoint));
    table_.settle(guest_.view, guest_.state.system);
    EXPECT_EQ(guest_.peek(kMappedGpa), kInt3);
}

TEST_F(MonitorPlaceTest, OneOfAChosenAddressSpaceAppliesThereOnly) {
    ASSERT_TRUE(guest_.view.choose_address_space(TestGuest::kPml4));
    const auto& breakpoint = place(kCode, false);
    EXPECT_TRUE(is_in_its_space(guest_.view, guest_.state.system, Gva{kCode}, breakpoint));
    EXPECT_FALSE(is_in_its_space(guest_.view, guest_.state.system, Gva{kOtherCode}, breakpoint))
        << "the monitor's is hit at its own address alone";
    auto elsewhere = guest_.state.system;
    elsewhere.cr3 = 0x7000;
    EXPECT_FALSE(is_in_its_space(guest_.view, elsewhere, Gva{kCode}, breakpoint));
}

}  // namespace
}  // namespace ringside::debug
