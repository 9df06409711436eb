// Resuming, stopping, leaving: vCont and its forerunners, stop replies, D, k.
#include "tests/unit/gdbstub/session_fixture.h"

namespace ringside::gdbstub {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Not;
using ::testing::StartsWith;

constexpr std::string_view kExpedited1 = "10:1001000000000000;07:0701000000000000;";
constexpr std::string_view kExpedited2 = "10:1002000000000000;07:0702000000000000;";

class RunControl : public SessionTest {
  protected:
    void SetUp() override { open_with(kGdb); }
    // Sends a packet that resumes, and returns what the target was told.
    std::string resume(std::string_view packet) {
        receive(framed(packet));
        EXPECT_EQ(take_output(), "") << packet;
        EXPECT_TRUE(session_->running()) << packet;
        std::string line = target_.log.back();
        stop_with(StoppedBySignal{Signal::Trap, true});
        take_output();
        return line;
    }
    // The reply to a stop.
    std::string reply_to(StopReason reason, std::uint32_t thread = 1) {
        receive(framed("vCont;c"));
        stop_with(reason, thread);
        const auto replies = take_replies();
        return replies.empty() ? "" : replies.back();
    }
};

TEST_F(RunControl, ListsItsActions) {
    EXPECT_EQ(send("vCont?"), "vCont;c;C;s;S;t;r");
}

TEST_F(RunControl, ResumesWithTheLeftmostAction) {
    EXPECT_EQ(resume("vCont;c"), "resume 1:c 2:c");
    EXPECT_EQ(resume("vCont;s:p1.1;c:p1.-1"), "resume 1:s 2:c");
    EXPECT_EQ(resume("vCont;s:p1.2"), "resume 2:s");
    EXPECT_EQ(resume("vCont;c:p1.-1;s:p1.1"), "resume 1:c 2:c");
    EXPECT_EQ(resume("vCont;t:p1.1;c"), "resume 2:c");
    EXPECT_EQ(resume("vCont;C05:1;S0b:2"), "resume 1:c(5) 2:s(11)");
    EXPECT_EQ(resume("vCont;r1000,1010:p1.1;c:p1.-1"), "resume 1:r1000,1010 2:c");
    EXPECT_EQ(resume("vCont;s:p1"), "resume 1:s 2:s");
    EXPECT_EQ(resume("vCont;s:1;s:2"), "resume 1:s 2:s");
}

TEST_F(RunControl, GoesBackIfTheTargetCan) {
    EXPECT_EQ(send("bs"), "");
    EXPECT_EQ(send("bc"), "");
    target_bundle_.reverse = &target_;
    EXPECT_THAT(send(kGdb), ::testing::HasSubstr("ReverseStep+;ReverseContinue+"));
    EXPECT_EQ(send("Hcp1.2"), "OK");
    EXPECT_EQ(resume("bs"), "back 2:s");
    EXPECT_EQ(resume("bc"), "back 2:c");
    EXPECT_EQ(reply_to(ReplayLogEnd{true}),
              "T05thread:p1.1;core:0;replaylog:begin;" + std::string(kExpedited1));
}

TEST_F(RunControl, RefusesToResumeAThreadThatIsNotThere) {
    EXPECT_THAT(send("vCont;c:p1.9"), StartsWith("T00"));
    EXPECT_FALSE(session_->running());
}

TEST_F(RunControl, AnswersAStopOfStoppedThreadsAtOnce) {
    EXPECT_EQ(send("vCont;t"), "T00thread:p1.1;core:0;" + std::string(kExpedited1));
}

TEST_F(RunControl, SaysInWordsWhyTheTargetCannotResume) {
    target_.resume_error = TargetError{TargetError::Code::Io, "vCPU 0 is broken"};
    EXPECT_EQ(send("vCont;c"), "E.vCPU 0 is broken");
    EXPECT_EQ(session_->last_error(), "vCPU 0 is broken");
    EXPECT_EQ(send("qAttached"), "1");
}

TEST_F(RunControl, ResumesByTheOldPackets) {
    EXPECT_EQ(resume("c"), "resume 1:c 2:c");
    EXPECT_EQ(resume("s"), "resume 1:s 2:c");
    EXPECT_EQ(resume("C05"), "resume 1:c(5) 2:c");
    EXPECT_EQ(resume("S05"), "resume 1:s(5) 2:c");
    EXPECT_EQ(send("Hcp1.2"), "OK");
    EXPECT_EQ(resume("s"), "resume 2:s");
    EXPECT_EQ(send("Hc-1"), "OK");
    EXPECT_EQ(resume("c1234"), "resume 1:c 2:c");
    EXPECT_EQ(target_.registers_of[1][FakeTarget::kPc], 0x1234U);
}

TEST_F(RunControl, TellsWhyItStopped) {
    const std::string one(kExpedited1);
    const std::string two(kExpedited2);
    EXPECT_EQ(reply_to(StoppedBySignal{Signal::Trap, true}), "T05thread:p1.1;core:0;" + one);
    EXPECT_EQ(reply_to(StoppedBySignal{Signal::Segv, false}, 2), "T0bthread:p1.2;core:1;" + two);
    EXPECT_EQ(reply_to(StoppedByInterrupt{}), "T02thread:p1.1;core:0;" + one);
    EXPECT_EQ(reply_to(StoppedBySoftwareBreakpoint{}), "T05thread:p1.1;core:0;swbreak:;" + one);
    EXPECT_EQ(reply_to(StoppedByHardwareBreakpoint{}, 2), "T05thread:p1.2;core:1;hwbreak:;" + two);
    EXPECT_EQ(reply_to(StoppedByWatchpoint{WatchKind::Write, 0x1234}),
              "T05thread:p1.1;core:0;watch:1234;" + one);
    EXPECT_EQ(reply_to(StoppedByWatchpoint{WatchKind::Read, 1}), "T05thread:p1.1;core:0;rwatch:1;" + one);
    EXPECT_EQ(reply_to(StoppedByWatchpoint{WatchKind::Access, 1}), "T05thread:p1.1;core:0;awatch:1;" + one);
    EXPECT_EQ(reply_to(ReplayLogEnd{true}), "T05thread:p1.1;core:0;replaylog:begin;" + one);
    EXPECT_EQ(reply_to(ReplayLogEnd{false}), "T05thread:p1.1;core:0;replaylog:end;" + one);
    EXPECT_EQ(reply_to(Exited{3}), "W03;process:1");
    EXPECT_EQ(reply_to(Terminated{Signal::Kill}), "X09;process:1");
}

TEST_F(SessionTest, GivesReasonsOnlyToAClientThatOfferedThem) {
    open_with("qSupported:qRelocInsn+");
    send("vCont;c");
    stop_with(StoppedBySoftwareBreakpoint{});
    EXPECT_THAT(take_replies(), ElementsAre("T05thread:1;core:0;" + std::string(kExpedited1)));
    send("vCont;c");
    stop_with(Exited{0});
    EXPECT_THAT(take_replies(), ElementsAre("W00"));
}

TEST_F(RunControl, ReportsTheLastStopAgain) {
    reply_to(StoppedByHardwareBreakpoint{}, 2);
    EXPECT_EQ(send("?"), "T05thread:p1.2;core:1;hwbreak:;") << "gdb is to read them by g";
}

TEST_F(RunControl, ShowsTextBeforeTheStop) {
    receive(framed("vCont;c"));
    stop_with(Terminated{Signal::Abort}, 1, "triple fault\n");
    EXPECT_THAT(take_replies(), ElementsAre("O747269706c65206661756c740a", "X06;process:1"));
}

TEST_F(RunControl, InterruptsARunningTarget) {
    receive(framed("vCont;c"));
    receive("\x03");
    EXPECT_EQ(target_.log.back(), "interrupt");
    EXPECT_EQ(take_output(), "");
    receive(framed("vCtrlC"));
    EXPECT_THAT(take_replies(), ElementsAre("OK"));
}

TEST_F(RunControl, KeepsAnInterruptThatComesTooEarlyForTheNextResume) {
    receive("\x03");
    EXPECT_THAT(target_.log, ElementsAre("attach"));
    receive(framed("vCont;c"));
    EXPECT_THAT(target_.log, ElementsAre("attach", "resume 1:c 2:c", "interrupt"));
    stop_with(StoppedByInterrupt{});
    receive(framed("vCont;c"));
    EXPECT_EQ(target_.log.back(), "resume 1:c 2:c");
}

TEST_F(RunControl, HoldsOtherPacketsBackWhileTheTargetRuns) {
    receive(framed("vCont;c") + framed("qAttached"));
    EXPECT_EQ(take_output(), "");
    stop_with(StoppedBySignal{Signal::Trap, true});
    EXPECT_THAT(take_replies(), ElementsAre(StartsWith("T05"), "1"));
}

TEST_F(RunControl, RunsAChainOfStepsThatWasSentAhead) {
    receive(framed("vCont;s:1") + framed("vCont;s:1") + framed("vCont;s:1"));
    for (int i = 0; i < 3; ++i) {
        EXPECT_TRUE(session_->running());
        stop_with(StoppedBySignal{Signal::Trap, true});
        EXPECT_EQ(take_replies().size(), 1U);
    }
    EXPECT_FALSE(session_->running());
}

TEST_F(RunControl, IgnoresAnUnexpectedStop) {
    stop_with(StoppedByInterrupt{});
    EXPECT_EQ(take_output(), "");
}

TEST_F(RunControl, TakesAStopFromWithinResume) {
    target_.on_resume = [this] { stop_with(StoppedBySignal{Signal::Trap, true}); };
    EXPECT_THAT(send("vCont;s:1"), StartsWith("T05"));
}

TEST_F(RunControl, DetachesAndAttachesAgain) {
    EXPECT_EQ(send("D;1"), "OK");
    EXPECT_FALSE(session_->wants_close());
    EXPECT_EQ(send("g"), "E.not attached to the target");
    target_.is_running = true;
    receive(framed("vAttach;1"));
    EXPECT_EQ(take_output(), "");
    stop_with(StoppedByInterrupt{});
    EXPECT_THAT(take_replies(), ElementsAre(StartsWith("T02thread:p1.1")));
    session_->disconnected();
    EXPECT_THAT(target_.log, ElementsAre("attach", "detach", "attach", "lost"));
}

TEST_F(RunControl, DetachedOnceIsNotLost) {
    EXPECT_EQ(send("D"), "OK");
    session_.reset();
    EXPECT_THAT(target_.log, ElementsAre("attach", "detach"));
}

TEST_F(RunControl, DetachesARunningTarget) {
    receive(framed("vCont;c"));
    EXPECT_EQ(send("D"), "OK");
    EXPECT_EQ(target_.log.back(), "detach");
    stop_with(StoppedByInterrupt{});
    EXPECT_EQ(take_output(), "");
}

TEST_F(RunControl, KillsWithoutAReply) {
    receive(framed("k"));
    EXPECT_EQ(take_output(), "");
    EXPECT_TRUE(session_->wants_close());
    session_->disconnected();
    EXPECT_THAT(target_.log, ElementsAre("attach", "kill"));
}

TEST_F(RunControl, KillsARunningTargetWithAReply) {
    receive(framed("vCont;c"));
    EXPECT_EQ(send("vKill;1"), "OK");
    EXPECT_TRUE(session_->wants_close());
    EXPECT_EQ(target_.log.back(), "kill");
}

TEST_F(RunControl, CannotKillAfterDetaching) {
    EXPECT_EQ(send("D"), "OK");
    receive(framed("k"));
    EXPECT_THAT(target_.log, Not(Contains("kill")));
}

TEST_F(RunControl, RefusesNonStopModeInWordsOnly) {
    EXPECT_EQ(send("QNonStop:0"), "OK");
    EXPECT_EQ(send("QNonStop:1"), "E5f");
    EXPECT_THAT(session_->last_error(), StartsWith("non-stop mode is not supported"));
}

// What is due is out before the target runs: `deliver` finds it, and the target's log is shorter then.
TEST_F(SessionTest, DeliversWhatIsDueBeforeTheTargetRuns) {
    std::vector<std::string> delivered;
    deliver_ = [&] { delivered.push_back(fmt::format("{} {}", target_.log.size(), take_output())); };
    open();
    receive(framed("vCont;c"));
    EXPECT_THAT(delivered, ElementsAre("1 +"));
    stop_with(StoppedByInterrupt{});
    take_output();
    receive(framed("QStartNoAckMode"));
    receive("+");
    take_output();
    receive(framed("vCont;c"));
    EXPECT_EQ(delivered.size(), 1U);  // nothing was due
    stop_with(StoppedByInterrupt{});
    take_output();
    receive(framed("D"));
    EXPECT_THAT(delivered, ElementsAre("1 +", "3 " + framed("OK")));
    EXPECT_EQ(target_.log.back(), "detach");
}

}  // namespace
}  // namespace ringside::gdbstub
