// Going back and forward as a client sees it, over one scripted vCPU that runs on its own thread.

#include "vmm/debug/target/time_travel.h"

#include <gtest/gtest.h>

#include "tests/support/scripted_exits.h"
#include "tests/support/written_pages.h"
#include "tests/unit/vmm/debug/guest/test_guest.h"
#include "tests/unit/vmm/debug/target/queued_owner.h"
#include "vmm/debug/run_control/vcpu_debugger.h"

namespace ringside::debug {
namespace {

using gdbstub::ThreadId;
using ringside::testing::ScriptedVcpu;
using ringside::testing::shut_down;
using ringside::testing::WrittenPages;
using testing::TestGuest;

// The guest's code is `incb (%rbx)`, each at two bytes from the last: RIP and one byte of memory change.
class TimeTravelTest : public ::testing::Test {
  protected:
    static constexpr std::uint64_t kCode = 0x20000, kData = 0x30000;
    static constexpr ThreadId kFirst{1};

    TimeTravelTest() {
        for (std::uint64_t at = kCode; at < kCode + 2000; at += 2)
            guest.poke<std::uint16_t>(at, 0x03fe);
        auto port = std::make_unique<ScriptedVcpu>();
        vcpu = port.get();
        vcpu->system_registers = guest.state.system;
        vcpu->registers.rip = kCode;
        vcpu->registers.rbx = kData;
        std::vector<std::unique_ptr<kvm::VcpuPort>> ports;
        ports.push_back(std::move(port));
        machine =
            machine::Machine::assemble(std::move(guest.memory), {}, std::move(ports), debugger.observer());
        machine->set_dirty_pages(std::make_unique<WrittenPages>(written));
        debugger.bind(*machine);
        debugger.offer_reverse();
        target().execution.attach();
        machine->start();
        owner.run_one();
    }

  public:
    ~TimeTravelTest() override { machine->stop(); }

  protected:
    gdbstub::Target& target() { return debugger.target(); }
    void record() { ASSERT_TRUE(debugger.time_travel().record(std::size_t{1} << 20)); }
    void script(int steps) {
        for (int i = 0; i < steps; ++i)
            vcpu->script.emplace_back([this](ScriptedVcpu& v) {
                v.registers.rip += 2;
                auto& byte = machine->memory().span(Gpa{kData}, 1)[0];
                byte = static_cast<std::byte>(std::to_integer<unsigned>(byte) + 1);
                written.pages.push_back(Gpa{kData});
                return v.debug_exit(1, 1 << 14);
            });
    }
    void insert(gdbstub::BreakpointKind kind, std::uint64_t address, std::uint64_t size = 1) {
        gdbstub::BreakpointRequest request;
        request.kind = kind;
        request.address = address;
        request.size = size;
        ASSERT_TRUE(target().breakpoints->insert(kFirst, request));
    }
    gdbstub::StopEvent stop() {
        for (const auto before = owner.stops.size(); owner.stops.size() == before;)
            owner.run_one();
        return owner.stops.back();
    }
    gdbstub::StopEvent resume(const gdbstub::ResumeAction& action) {
        const gdbstub::ThreadResume all[] = {{kFirst, action}};
        EXPECT_TRUE(target().execution.resume(all));
        return stop();
    }
    gdbstub::StopEvent back(bool one_step) {
        EXPECT_TRUE(target().reverse->go_back(kFirst, one_step));
        return stop();
    }
    std::uint64_t pc() {
        const auto bytes = target().registers.read(kFirst, target().registers.pc());
        std::uint64_t value = 0;
        std::memcpy(&value, bytes->data(), sizeof value);
        return value;
    }
    unsigned data() { return std::to_integer<unsigned>(machine->memory().span(Gpa{kData}, 1)[0]); }
    void expect_step(std::uint64_t n) {
        EXPECT_EQ(pc(), kCode + 2 * n);
        EXPECT_EQ(data(), n);
    }
    // Runs forward to step n.
    void run_to(std::uint64_t n) {
        script(static_cast<int>(n));
        insert(gdbstub::BreakpointKind::Software, kCode + 2 * n);
        resume(gdbstub::Continue{});
        ASSERT_TRUE(
            target().breakpoints->remove(kFirst, gdbstub::BreakpointKind::Software, kCode + 2 * n, 1));
        expect_step(n);
    }

    TestGuest guest;
    QueuedOwner owner;
    WrittenPages::Log written;
    std::unique_ptr<machine::Machine> machine;
    Debugger debugger{[] { return Result<HostAbilities>(a_host()); },
                      {.wait = true, .on_disconnect = OnDisconnect::Resume},
                      owner};
    ScriptedVcpu* vcpu = nullptr;
};

TEST_F(TimeTravelTest, WithoutARecordingThereIsNoPast) {
    const auto stopped = back(true);
    EXPECT_TRUE(std::holds_alternative<gdbstub::ReplayLogEnd>(stopped.reason));
    EXPECT_NE(stopped.console.find("monitor record on"), std::string::npos);
}

TEST_F(TimeTravelTest, OneStepBackAndForward) {
    record();
    run_to(20);
    EXPECT_TRUE(std::get<gdbstub::StoppedBySignal>(back(true).reason).step_done);
    expect_step(19);
    back(true);
    expect_step(18);
    EXPECT_EQ(vcpu->registers.rip, kCode + 36);
    resume(gdbstub::Step{});
    expect_step(19);
}

TEST_F(TimeTravelTest, BackToTheBeginningAndOnIntoThePresent) {
    record();
    run_to(20);
    const auto begin = back(false);
    ASSERT_TRUE(std::holds_alternative<gdbstub::ReplayLogEnd>(begin.reason));
    EXPECT_TRUE(std::get<gdbstub::ReplayLogEnd>(begin.reason).at_begin);
    expect_step(0);
    const int runs = vcpu->runs;
    script(5);
    insert(gdbstub::BreakpointKind::Software, kCode + 2 * 25);
    EXPECT_TRUE(
        std::holds_alternative<gdbstub::StoppedBySoftwareBreakpoint>(resume(gdbstub::Continue{}).reason));
    expect_step(25);
    EXPECT_EQ(vcpu->runs - runs, 5);
    EXPECT_EQ(written.forgotten, 1);
}

TEST_F(TimeTravelTest, BreakpointsStopInThePast) {
    record();
    run_to(20);
    insert(gdbstub::BreakpointKind::Software, kCode + 2 * 7);
    EXPECT_EQ(machine->memory().span(Gpa{kCode + 14}, 1)[0], std::byte{0xfe});  // no int3 is planted
    EXPECT_TRUE(std::holds_alternative<gdbstub::StoppedBySoftwareBreakpoint>(back(false).reason));
    expect_step(7);
    EXPECT_TRUE(std::holds_alternative<gdbstub::ReplayLogEnd>(back(false).reason));
    EXPECT_TRUE(
        std::holds_alternative<gdbstub::StoppedBySoftwareBreakpoint>(resume(gdbstub::Continue{}).reason));
    expect_step(7);
}

TEST_F(TimeTravelTest, ARangeStepGoesForwardThroughThePast) {
    record();
    run_to(20);
    back(false);
    resume(gdbstub::RangeStep{kCode, kCode + 10});
    expect_step(5);
}

TEST_F(TimeTravelTest, AWatchpointStopsBeforeTheWriteThatIsUndone) {
    record();
    run_to(20);
    insert(gdbstub::BreakpointKind::WriteWatch, kData, 1);
    const auto stopped = back(false);
    ASSERT_TRUE(std::holds_alternative<gdbstub::StoppedByWatchpoint>(stopped.reason));
    EXPECT_EQ(std::get<gdbstub::StoppedByWatchpoint>(stopped.reason).address, kData);
    expect_step(19);
    EXPECT_TRUE(std::holds_alternative<gdbstub::StoppedByWatchpoint>(resume(gdbstub::Continue{}).reason));
    expect_step(20);
}

TEST_F(TimeTravelTest, ConditionsAreEvaluatedInThePast) {
    record();
    run_to(20);
    gdbstub::BreakpointRequest request;
    request.address = kCode + 2 * 7;
    request.conditions.push_back({std::byte{0x22}, std::byte{0}, std::byte{0x27}});  // constant 0
    ASSERT_TRUE(target().breakpoints->insert(kFirst, request));
    EXPECT_TRUE(std::holds_alternative<gdbstub::ReplayLogEnd>(back(false).reason));
}

TEST_F(TimeTravelTest, GoesToAnyPlaceAndOnFromThere) {
    EXPECT_FALSE(debugger.time_travel().stopped_history());
    record();
    run_to(20);
    const auto history = debugger.time_travel().stopped_history();
    ASSERT_TRUE(history);
    for (const std::uint64_t step : {7U, 0U, 20U, 13U}) {
        ASSERT_TRUE(debugger.time_travel().go_to(*(*history)->log().position_of_step(step)));
        expect_step(step);
        EXPECT_EQ(vcpu->registers.rip, kCode + 2 * step);
    }
    back(true);
    expect_step(12);
}

TEST_F(TimeTravelTest, AWriteInThePastCutsTheFutureOffAndSaysSo) {
    record();
    run_to(20);
    back(true);
    back(true);
    const std::byte value[] = {std::byte{77}};
    ASSERT_TRUE(target().memory.write(kFirst, kData, value));
    EXPECT_NE(owner.console.find("2 steps"), std::string::npos);
    EXPECT_FALSE(debugger.time_travel().in_past());
    script(1);
    resume(gdbstub::Step{});
    EXPECT_EQ(data(), 78U);
    back(true);
    EXPECT_EQ(data(), 77U);
    back(true);
    expect_step(17);
}

TEST_F(TimeTravelTest, WritingWhatIsThereChangesNothing) {
    record();
    run_to(20);
    back(true);
    const std::byte value[] = {std::byte{19}};
    ASSERT_TRUE(target().memory.write(kFirst, kData, value));
    EXPECT_TRUE(debugger.time_travel().in_past());
    EXPECT_EQ(owner.console, "");
}

TEST_F(TimeTravelTest, AClientThatIsLostInThePastLeavesThePresentGuestRunning) {
    record();
    run_to(20);
    back(false);
    target().execution.client_lost();
    EXPECT_TRUE(target().execution.running());
    EXPECT_EQ(vcpu->registers.rip, kCode + 40);
    EXPECT_EQ(data(), 20U);
    EXPECT_EQ(written.stopped, 1);
}

TEST_F(TimeTravelTest, AnInterruptEndsAJourney) {
    record();
    run_to(20);
    ASSERT_TRUE(target().reverse->go_back(kFirst, false));
    EXPECT_TRUE(target().execution.running());
    target().execution.interrupt();
    stop();
    EXPECT_FALSE(target().execution.running());
}

TEST_F(TimeTravelTest, ADeadVcpuIsDeadAgainAtTheEndOfItsPast) {
    record();
    script(20);
    vcpu->script.emplace_back(shut_down);
    resume(gdbstub::Continue{});
    EXPECT_TRUE(debugger.guest().vcpu(VcpuIndex{0}).dead());
    back(true);
    EXPECT_FALSE(debugger.guest().vcpu(VcpuIndex{0}).dead());
    const int runs = vcpu->runs;
    const auto stopped = resume(gdbstub::Continue{});
    EXPECT_EQ(std::get<gdbstub::StoppedBySignal>(stopped.reason).signal, gdbstub::Signal::Segv);
    EXPECT_TRUE(debugger.guest().vcpu(VcpuIndex{0}).dead());
    EXPECT_EQ(vcpu->runs, runs);
}

TEST_F(TimeTravelTest, AVcpuThatTheHostResetsAtItsDeathIsShownWhereItDied) {
    record();
    script(20);
    vcpu->script.emplace_back([](ScriptedVcpu& v) {
        v.registers = {};
        v.registers.rip = 0xfff0;
        v.system_registers = {};
        v.system_registers.cs.base = 0xffff0000;
        return shut_down(v);
    });
    const auto stopped = resume(gdbstub::Continue{});
    expect_step(20);
    EXPECT_NE(stopped.console.find("rip 0x20028"), std::string::npos) << stopped.console;
    EXPECT_EQ(vcpu->system_registers.cr3, guest.state.system.cr3);
    back(true);
    expect_step(19);
}

TEST_F(TimeTravelTest, AChangedPastDoesNotLeadToTheSameDeath) {
    record();
    script(20);
    vcpu->script.emplace_back(shut_down);
    resume(gdbstub::Continue{});
    back(true);
    const std::byte value[] = {std::byte{77}};
    ASSERT_TRUE(target().memory.write(kFirst, kData, value));
    script(1);
    EXPECT_TRUE(std::get<gdbstub::StoppedBySignal>(resume(gdbstub::Step{}).reason).step_done);
    EXPECT_EQ(data(), 78U);
    EXPECT_FALSE(debugger.guest().vcpu(VcpuIndex{0}).dead());
}

TEST_F(TimeTravelTest, WithTheRecordingOffTheGuestRunsOnFromThere) {
    record();
    run_to(20);
    back(true);
    ASSERT_TRUE(debugger.time_travel().stop_recording());
    expect_step(19);
    EXPECT_EQ(written.stopped, 1);
    insert(gdbstub::BreakpointKind::Software, kCode + 2 * 30);
    EXPECT_EQ(machine->memory().span(Gpa{kCode + 60}, 1)[0], std::byte{0xcc});
}

}  // namespace
}  // namespace ringside::debug
