// Recording two scripted vCPUs that run on their own threads: who steps when, and going back over the steps of both.

#include <gtest/gtest.h>

#include "tests/support/written_pages.h"
#include "tests/unit/vmm/debug/target/debugger_fixture.h"

namespace ringside::debug {
namespace {

using ringside::testing::WrittenPages;

// The guest's code is four times `incb (%rbx)` and a PAUSE, again and again. Each vCPU has a byte of its own.
class RecordedTurnsTest : public DebuggerTest {
  protected:
    static constexpr std::uint64_t kCode = 0x20000, kData = 0x30000;
    static constexpr unsigned kTurn = 5;  // steps

    RecordedTurnsTest() {
        machine->set_dirty_pages(std::make_unique<WrittenPages>(written));
        for (std::uint64_t step = 0; step < 1000; ++step) {
            const auto code = machine->memory().span(Gpa{kCode + 2 * step}, 2);
            code[0] = pauses(step) ? std::byte{0xf3} : std::byte{0xfe};
            code[1] = pauses(step) ? std::byte{0x90} : std::byte{0x03};
        }
        for (std::uint32_t i = 0; i < 2; ++i)
            vcpu[i]->registers.rbx = data_of(i);
    }
    static bool pauses(std::uint64_t step) { return step % kTurn == kTurn - 1; }
    static std::uint64_t data_of(std::uint32_t i) { return kData + i * 0x1000; }

    void record() { ASSERT_TRUE(debugger.time_travel().record(std::size_t{1} << 20)); }
    void script(std::uint32_t i, unsigned steps) {
        for (unsigned n = 0; n < steps; ++n)
            vcpu[i]->script.push_back([this, i](ScriptedVcpu& v) {
                if (!pauses((v.registers.rip - kCode) / 2)) {
                    auto& byte = machine->memory().span(Gpa{data_of(i)}, 1)[0];
                    byte = static_cast<std::byte>(std::to_integer<unsigned>(byte) + 1);
                    written.pages.push_back(Gpa{data_of(i)});
                }
                v.registers.rip += 2;
                return v.debug_exit(1, 1 << 14);
            });
    }
    gdbstub::StopEvent stop() {
        for (const auto before = owner.stops.size(); owner.stops.size() == before;)
            owner.run_one();
        return owner.stops.back();
    }
    gdbstub::StopEvent go_on() {
        resume_all();
        return stop();
    }
    gdbstub::StopEvent step(ThreadId thread) {
        const ThreadId other = thread == kFirst ? kSecond : kFirst;
        resume({{thread, gdbstub::Step{}}, {other, gdbstub::Continue{}}});
        return stop();
    }
    gdbstub::StopEvent back(ThreadId thread, bool one_step) {
        EXPECT_TRUE(debugger.time_travel().go_back(thread, one_step));
        return stop();
    }
    // Forward to where one of them first comes to step n.
    gdbstub::StopEvent run_to(std::uint64_t n) {
        insert(kCode + 2 * n);
        const auto stopped = go_on();
        EXPECT_TRUE(
            target().breakpoints->remove(kFirst, gdbstub::BreakpointKind::Software, kCode + 2 * n, 1));
        return stopped;
    }
    // How many steps each has made, by the registers that a client reads, those in KVM, and memory.
    void expect_steps(std::uint64_t first, std::uint64_t second) {
        const std::uint64_t steps[] = {first, second};
        for (std::uint32_t i = 0; i < 2; ++i) {
            std::uint64_t pc = 0;
            const auto bytes = target().registers.read(ThreadId{i + 1}, target().registers.pc());
            std::memcpy(&pc, bytes->data(), sizeof pc);
            EXPECT_EQ(pc, kCode + 2 * steps[i]) << i;
            EXPECT_EQ(vcpu[i]->registers.rip, pc) << i;
            EXPECT_EQ(std::to_integer<std::uint64_t>(byte(data_of(i))), steps[i] - steps[i] / kTurn) << i;
        }
    }

    WrittenPages::Log written;
};

TEST_F(RecordedTurnsTest, OneStepsAtATime) {
    record();
    script(0, 100);
    script(1, 100);
    EXPECT_EQ(run_to(12).thread, kFirst);
    expect_steps(12, 10);
    const auto& history = debugger.time_travel().recorder().history();
    std::vector<std::uint32_t> who;
    for (std::uint64_t n = history.log().begin(); n < history.log().end(); ++n) {
        if (history.log().at(n).change == history::Change::Step)
            who.push_back(history.vcpu_of(n).value);
    }
    const std::vector<std::uint32_t> wanted{0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 0, 0};
    EXPECT_EQ(who, wanted);
}

TEST_F(RecordedTurnsTest, AStepBackIsOneOfTheThreadThatIsAsked) {
    record();
    script(0, 100);
    script(1, 100);
    run_to(7);
    expect_steps(7, 5);
    EXPECT_EQ(back(kSecond, true).thread, kSecond);
    expect_steps(5, 4);
    EXPECT_EQ(back(kFirst, true).thread, kFirst);
    expect_steps(4, 0);
    EXPECT_EQ(step(kSecond).thread, kSecond);
    expect_steps(5, 1);
}

TEST_F(RecordedTurnsTest, ABreakpointStopsWhoeverPassesItInThePast) {
    record();
    script(0, 100);
    script(1, 100);
    run_to(7);
    insert(kCode + 2 * 3);
    EXPECT_EQ(back(kFirst, false).thread, kSecond);
    expect_steps(5, 3);
    EXPECT_EQ(back(kFirst, false).thread, kFirst);
    expect_steps(3, 0);
    EXPECT_EQ(go_on().thread, kSecond);
    expect_steps(5, 3);
}

TEST_F(RecordedTurnsTest, AWatchpointNamesTheThreadThatWrote) {
    record();
    script(0, 100);
    script(1, 100);
    run_to(7);
    gdbstub::BreakpointRequest request;
    request.kind = gdbstub::BreakpointKind::WriteWatch;
    request.address = data_of(1);
    request.size = 1;
    ASSERT_TRUE(target().breakpoints->insert(kFirst, request));
    const auto stopped = back(kFirst, false);
    EXPECT_TRUE(std::holds_alternative<gdbstub::StoppedByWatchpoint>(stopped.reason));
    EXPECT_EQ(stopped.thread, kSecond);
    expect_steps(5, 3);
}

TEST_F(RecordedTurnsTest, FromThePastIntoThePresentAllRunOn) {
    record();
    script(0, 100);
    script(1, 100);
    run_to(7);
    EXPECT_TRUE(std::holds_alternative<gdbstub::ReplayLogEnd>(back(kFirst, false).reason));
    expect_steps(0, 0);
    run_to(12);
    expect_steps(12, 10);
}

TEST_F(RecordedTurnsTest, AClientsStepMovesItsThreadAlone) {
    record();
    script(0, 100);
    script(1, 100);
    for (std::uint64_t n = 1; n < kTurn; ++n) {
        EXPECT_EQ(step(kSecond).thread, kSecond);
        expect_steps(0, n);
    }
    step(kSecond);
    step(kSecond);
    expect_steps(kTurn, kTurn + 1);
}

TEST_F(RecordedTurnsTest, OneThatIsHaltedDoesNotHoldTheOthers) {
    vcpu[1]->run_state = KVM_MP_STATE_HALTED;
    record();
    script(0, 100);
    EXPECT_EQ(run_to(12).thread, kFirst);
    expect_steps(12, 0);
    EXPECT_GE(vcpu[1]->runs, 2);
}

TEST_F(RecordedTurnsTest, OneThatWaitsForSipiHasNoTurn) {
    vcpu[1]->run_state = KVM_MP_STATE_UNINITIALIZED;
    record();
    script(0, 100);
    run_to(12);
    EXPECT_EQ(vcpu[1]->runs, 0);
}

TEST_F(RecordedTurnsTest, AnInterruptStopsThem) {
    vcpu[1]->run_state = KVM_MP_STATE_HALTED;
    record();
    script(0, kTurn);
    resume_all();
    target().execution.interrupt();
    EXPECT_TRUE(std::holds_alternative<gdbstub::StoppedByInterrupt>(stop().reason));
}

TEST_F(RecordedTurnsTest, WithoutTheRecordingTheyRunAtTheSameTime) {
    record();
    script(0, 100);
    script(1, 100);
    run_to(7);
    ASSERT_TRUE(debugger.time_travel().stop_recording());
    vcpu[0]->script.clear();
    vcpu[1]->script = {int3_at(kCode + 40)};
    insert(kCode + 40);
    EXPECT_EQ(go_on().thread, kSecond);  // the first runs until it is kicked
}

TEST_F(RecordedTurnsTest, AClientThatIsLostInThePastLeavesThePresentGuestRunning) {
    record();
    script(0, 7);
    script(1, 100);
    run_to(7);
    back(kFirst, false);
    vcpu[1]->script.clear();
    target().execution.client_lost();
    EXPECT_TRUE(target().execution.running());
    EXPECT_EQ(vcpu[0]->registers.rip, kCode + 14);
}

}  // namespace
}  // namespace ringside::debug
