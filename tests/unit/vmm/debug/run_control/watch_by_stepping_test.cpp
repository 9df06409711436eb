#include "vmm/debug/run_control/watch_by_stepping.h"

#include <array>

#include <gtest/gtest.h>

#include "tests/unit/vmm/debug/guest/test_guest.h"

namespace ringside::debug {
namespace {

using gdbstub::BreakpointKind;
using testing::TestGuest;

constexpr std::uint64_t kWatched = 0x20000;

class SteppedWatchpoint : public ::testing::Test {
  protected:
    void watch(BreakpointKind kind, std::uint64_t size) {
        watchpoint_.request.kind = kind;
        watchpoint_.request.address = kWatched;
        watchpoint_.request.size = size;
    }
    // Steps `code` with RBX pointing at `rbx`; `effect` is what the instruction does to memory.
    template <std::size_t N, typename Effect>
    bool triggers(const std::array<std::uint8_t, N>& code, std::uint64_t rbx, Effect effect) {
        Breakpoint* const watchpoints[] = {&watchpoint_};
        guest_.state.general.rbx = rbx;
        guest_.state.general.rsp = 0x30000;
        guest_.state.general.rip = 0x40000;
        watch_.before(watchpoints, guest_.view, guest_.state, std::as_bytes(std::span(code)));
        effect();
        auto after = guest_.state.general;
        after.rip += N;
        return !watch_.after(watchpoints, guest_.view, after, guest_.state.system).empty();
    }
    TestGuest guest_;
    Breakpoint watchpoint_;
    WatchByStepping watch_;
};

constexpr std::array<std::uint8_t, 2> kStore{0x89, 0x03};  // mov %eax, (%rbx)
constexpr std::array<std::uint8_t, 2> kLoad{0x8b, 0x03};   // mov (%rbx), %eax
constexpr std::array<std::uint8_t, 1> kNop{0x90};
constexpr auto kNothing = [] {};

TEST_F(SteppedWatchpoint, AStoreTriggersEvenIfItChangesNothing) {
    watch(BreakpointKind::WriteWatch, 4);
    EXPECT_TRUE(triggers(kStore, kWatched, kNothing));
}

TEST_F(SteppedWatchpoint, AStoreThatOverlapsByOneByteTriggers) {
    watch(BreakpointKind::WriteWatch, 1);
    EXPECT_TRUE(triggers(kStore, kWatched - 3, kNothing));
    EXPECT_FALSE(triggers(kStore, kWatched - 4, kNothing));
    EXPECT_FALSE(triggers(kStore, kWatched + 1, kNothing));
}

TEST_F(SteppedWatchpoint, ALoadTriggersReadAndAccessButNotWrite) {
    watch(BreakpointKind::WriteWatch, 4);
    EXPECT_FALSE(triggers(kLoad, kWatched, kNothing));
    watch(BreakpointKind::ReadWatch, 4);
    EXPECT_TRUE(triggers(kLoad, kWatched, kNothing));
    EXPECT_FALSE(triggers(kStore, kWatched, kNothing));
    watch(BreakpointKind::AccessWatch, 4);
    EXPECT_TRUE(triggers(kLoad, kWatched, kNothing));
    EXPECT_TRUE(triggers(kStore, kWatched, kNothing));
}

TEST_F(SteppedWatchpoint, AnotherCpusWriteIsNotThisOnes) {
    watch(BreakpointKind::WriteWatch, 4);
    EXPECT_FALSE(triggers(kNop, 0, [&] { guest_.poke<std::uint32_t>(kWatched, 0x1234); }));
}

// On physical memory, through whatever address.
class PhysicalWatchpoint : public SteppedWatchpoint {
  protected:
    static constexpr std::uint64_t kGpa = 0x100000;  // where TestGuest::kMapped is mapped
    PhysicalWatchpoint() {
        watch(BreakpointKind::WriteWatch, 4);
        watchpoint_.request.address = kGpa;
        watchpoint_.physical = true;
    }
    auto writes(std::uint8_t value) {
        return [this, value] { guest_.poke(kGpa, value); };
    }
};

TEST_F(PhysicalWatchpoint, AWriteThroughEachOfItsAddressesTriggers) {
    EXPECT_TRUE(triggers(kStore, TestGuest::kMapped, writes(7)));
    EXPECT_TRUE(triggers(kStore, kGpa, writes(8)));
    EXPECT_TRUE(triggers(kStore, TestGuest::kMapped - 2, writes(9))) << "from the page before";
}

TEST_F(PhysicalWatchpoint, AWriteOfTheSameValueAndAReadDoNot) {
    EXPECT_FALSE(triggers(kStore, kGpa, kNothing));
    EXPECT_FALSE(triggers(kLoad, kGpa, kNothing));
}

TEST_F(PhysicalWatchpoint, AWriteByAnotherVcpuDoesNot) {
    EXPECT_FALSE(triggers(kStore, TestGuest::kMapped + 0x1000, writes(7)));
    EXPECT_FALSE(triggers(kNop, kGpa, writes(8)));
}

TEST_F(PhysicalWatchpoint, AnInterruptsFrameTriggers) {
    watchpoint_.request.address = 0x30000 + 8;  // within 48 bytes of where RSP points
    EXPECT_TRUE(triggers(kNop, 0, [this] { guest_.poke<std::uint8_t>(0x30000 + 8, 1); }));
}

}  // namespace
}  // namespace ringside::debug
