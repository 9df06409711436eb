// The debugger as its client sees it, over two scripted vCPUs that run on their own threads.

#include "vmm/debug/target/debugger.h"

#include <latch>

#include "tests/support/patience.h"
#include "tests/support/scripted_exits.h"
#include "tests/unit/vmm/debug/target/debugger_fixture.h"

namespace ringside::debug {
namespace {

using ringside::testing::shut_down;

TEST_F(DebuggerTest, TheFirstStopIsBeforeAnyInstruction) {
    EXPECT_EQ(owner.stops.size(), 1U);
    EXPECT_FALSE(target().execution.running());
    EXPECT_EQ(vcpu[0]->runs + vcpu[1]->runs, 0);
}

TEST_F(DebuggerTest, ABreakpointStopsAllAndNamesItsThread) {
    insert(kCode + 4);
    vcpu[1]->script.push_back(int3_at(kCode + 4));
    const int crossings = owner.crossings;
    resume_all();
    owner.run_one();
    ASSERT_EQ(owner.stops.size(), 2U);
    EXPECT_EQ(owner.stops[1].thread, kSecond);
    EXPECT_TRUE(std::holds_alternative<gdbstub::StoppedBySoftwareBreakpoint>(owner.stops[1].reason));
    EXPECT_TRUE(machine->vcpu(VcpuIndex{0}).parked());
    EXPECT_TRUE(machine->vcpu(VcpuIndex{1}).parked());
    EXPECT_EQ(owner.crossings - crossings, 1);
}

TEST_F(DebuggerTest, AnInterruptStopsWhatRuns) {
    resume_all();
    EXPECT_TRUE(target().execution.running());
    target().execution.interrupt();
    owner.run_one();
    ASSERT_EQ(owner.stops.size(), 2U);
    EXPECT_TRUE(std::holds_alternative<gdbstub::StoppedByInterrupt>(owner.stops[1].reason));
}

TEST_F(DebuggerTest, TwoStepsAtOnceAreBothReported) {
    for (auto* each : vcpu)
        each->script.push_back([](ScriptedVcpu& v) {
            ++v.registers.rip;
            return v.debug_exit(1, 1 << 14);
        });
    resume({{kFirst, gdbstub::Step{}}, {kSecond, gdbstub::Step{}}});
    owner.run_one();
    ASSERT_EQ(owner.stops.size(), 2U);
    resume({{kFirst, gdbstub::Step{}}, {kSecond, gdbstub::Step{}}});
    owner.run_one();
    ASSERT_EQ(owner.stops.size(), 3U);
    EXPECT_NE(owner.stops[1].thread, owner.stops[2].thread);
}

// Both write at once; the second vCPU's stop waits. By then the client has deleted the watchpoint.
TEST_F(DebuggerTest, ADeletedWatchpointReportsNoStop) {
    gdbstub::BreakpointRequest request;
    request.kind = gdbstub::BreakpointKind::WriteWatch;
    request.address = kCode + 8;
    request.size = 8;
    for (const bool deleted : {false, true}) {
        ASSERT_TRUE(target().breakpoints->insert(kFirst, request));
        std::latch both(2);
        for (auto* each : vcpu)
            each->script.push_back([&both](ScriptedVcpu& v) {
                both.arrive_and_wait();
                return v.debug_exit(1, 1);
            });
        const auto before = owner.stops.size();
        resume_all();
        owner.run_one();
        ASSERT_EQ(owner.stops.size(), before + 1);
        ASSERT_EQ(target().execution.simultaneous().size(), 1U);
        if (deleted) {
            ASSERT_TRUE(target().breakpoints->remove(kFirst, request.kind, request.address, request.size));
        }
        resume_all();
        if (deleted)
            target().execution.interrupt();
        owner.run_one();
        ASSERT_EQ(owner.stops.size(), before + 2);
        EXPECT_EQ(std::holds_alternative<gdbstub::StoppedByWatchpoint>(owner.stops.back().reason), !deleted);
    }
}

// The client takes every stop at once, as LLDB does, or one after the other.
TEST_F(DebuggerTest, EveryStopIsDescribed) {
    owner.description = "described\n";
    std::latch both(2);
    for (auto* each : vcpu)
        each->script.push_back([&both](ScriptedVcpu& v) {
            both.arrive_and_wait();
            ++v.registers.rip;
            return v.debug_exit(1, 1 << 14);
        });
    resume({{kFirst, gdbstub::Step{}}, {kSecond, gdbstub::Step{}}});
    owner.run_one();
    EXPECT_EQ(owner.stops.back().console, "described\n");
    EXPECT_EQ(target().execution.last_stop().console, "described\n");
    const auto others = target().execution.simultaneous();
    ASSERT_EQ(others.size(), 1U);
    EXPECT_NE(others.front().thread, owner.stops.back().thread);
    EXPECT_EQ(others.front().console, "described\n");
}

TEST_F(DebuggerTest, AClientChoosesWhetherAStepLetsInterruptsCome) {
    for (const bool hold : {true, false}) {
        ASSERT_TRUE(target().stepping->block_interrupts(hold));
        EXPECT_EQ(target().stepping->blocks_interrupts(), hold);
        vcpu[0]->script.push_back([](ScriptedVcpu& v) {
            ++v.registers.rip;
            return v.debug_exit(1, 1 << 14);
        });
        resume({{kFirst, gdbstub::Step{}}});
        owner.run_one();
        EXPECT_EQ(vcpu[0]->armed.back().has(KVM_GUESTDBG_BLOCKIRQ), hold);
    }
}

TEST_F(DebuggerTest, OneThreadCanRunWhileTheOtherStaysParked) {
    vcpu[0]->script.push_back([](ScriptedVcpu& v) {
        ++v.registers.rip;
        return v.debug_exit(1, 1 << 14);
    });
    resume({{kFirst, gdbstub::Step{}}});
    owner.run_one();
    EXPECT_EQ(owner.stops.back().thread, kFirst);
    EXPECT_EQ(vcpu[1]->runs, 0);
}

TEST_F(DebuggerTest, DetachTakesTheInt3sOutAndLetsTheGuestRun) {
    insert(kCode + 4);
    ASSERT_EQ(byte(kCode + 4), std::byte{0xcc});
    target().execution.detach();
    EXPECT_EQ(byte(kCode + 4), std::byte{0x90});
    EXPECT_TRUE(target().execution.running());
    EXPECT_EQ(owner.gone, 1);
}

TEST_F(DebuggerTest, AClientThatIsLostWhileTheGuestRunsLeavesNothingBehind) {
    insert(kCode + 4);
    resume_all();
    target().execution.client_lost();
    owner.run_one();
    EXPECT_EQ(byte(kCode + 4), std::byte{0x90});
    EXPECT_TRUE(target().execution.running());
    EXPECT_EQ(owner.stops.size(), 1U);
}

TEST_F(DebuggerTest, RegistersAreRefusedWhileTheGuestRuns) {
    resume_all();
    EXPECT_FALSE(target().registers.read(kFirst, target().registers.pc()));
    target().execution.interrupt();
    owner.run_one();
    EXPECT_TRUE(target().registers.read(kFirst, target().registers.pc()));
}

TEST_F(DebuggerTest, ADeadVcpuKeepsTheRegistersThatItEndedWith) {
    vcpu[0]->script.push_back(shut_down);
    resume({{kFirst, gdbstub::Continue{}}});
    while (owner.stops.size() < 2)
        owner.run_one();
    const auto pc = target().registers.pc();
    const auto value = target().registers.read(kFirst, pc);
    ASSERT_TRUE(value);
    const auto refused = target().registers.write(kFirst, pc, *value);
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().message.find("cannot run on"), std::string::npos);
    EXPECT_TRUE(target().registers.write(kSecond, pc, *value));
}

class ResetTest : public DebuggerTest {
  protected:
    ResetTest() {
        machine->set_end_handler([this](auto by, const auto& how) { debugger.on_guest_end(by, how); });
        vcpu[1]->script.push_back([this](ScriptedVcpu& v) {
            machine->request_reset("the reset port");
            return v.port_write(0xcf9, 6);
        });
    }
};

TEST_F(ResetTest, StopsForAClientAndEndsTheRunWhenItResumes) {
    resume_all();
    while (owner.stops.size() < 2)
        owner.run_one();
    EXPECT_EQ(owner.stops[1].thread, kSecond);
    EXPECT_NE(owner.stops[1].console.find("The guest has reset the machine (the reset port)"),
              std::string::npos);
    EXPECT_FALSE(target().execution.running());
    EXPECT_TRUE(target().registers.read(kSecond, target().registers.pc()));
    EXPECT_TRUE(owner.ends.empty());
    resume_all();
    EXPECT_TRUE(target().execution.running());
    owner.run_one();
    EXPECT_EQ(owner.ends, std::vector<std::string>{"the reset port"});
}

TEST_F(ResetTest, EndsTheRunWhenTheClientLeaves) {
    resume_all();
    while (owner.stops.size() < 2)
        owner.run_one();
    const int runs = vcpu[0]->runs + vcpu[1]->runs;
    target().execution.detach();
    while (owner.ends.empty())
        owner.run_one();
    EXPECT_EQ(vcpu[0]->runs + vcpu[1]->runs, runs) << "the guest has not run on";
}

TEST_F(ResetTest, EndsTheRunAtOnceWithoutAClient) {
    target().execution.detach();
    while (owner.ends.empty())
        owner.run_one();
    EXPECT_EQ(owner.stops.size(), 1U);
}

TEST_F(DebuggerTest, ADeadVcpuWithoutAClientEndsTheRun) {
    target().execution.detach();
    target().execution.interrupt();
    owner.run_one();
    vcpu[0]->script.push_back(shut_down);
    resume_all();
    owner.run_one();
    EXPECT_EQ(owner.unattended, machine::FatalExit::TripleFault);
}

}  // namespace
}  // namespace ringside::debug
