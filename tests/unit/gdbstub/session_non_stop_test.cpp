// Non-stop mode: notifications of stops, vStopped, and vCont for some threads while others run.
#include "tests/unit/gdbstub/fake_non_stop.h"
#include "tests/unit/gdbstub/session_fixture.h"

namespace ringside::gdbstub {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

constexpr std::string_view kGdbWithWords =
    "qSupported:multiprocess+;swbreak+;hwbreak+;qRelocInsn+;error-message+";
constexpr std::string_view kExpedited1 = "10:1001000000000000;07:0701000000000000;";
constexpr std::string_view kExpedited2 = "10:1002000000000000;07:0702000000000000;";

class InNonStop : public SessionTest {
  protected:
    void SetUp() override { begin(kGdbWithWords); }
    void begin(std::string_view greeting) {
        target_bundle_.non_stop = &non_stop_;
        open_with(greeting);
        EXPECT_EQ(send("QNonStop:1"), "OK");
        target_.log.clear();
    }
    void TearDown() override { EXPECT_EQ(non_stop_.holds, 0) << "a hold was not released"; }
    void run_both() { EXPECT_EQ(send("vCont;c"), "OK"); }
    // What is sent at a thread's stop.
    std::vector<std::string> stop_of(std::uint32_t thread,
                                     StopReason reason = StoppedByHardwareBreakpoint{}) {
        session_->on_stop({ThreadId{thread}, reason, {}});
        return take_replies();
    }

    FakeNonStop non_stop_{target_};
};

TEST_F(SessionTest, OffersNonStopModeIfTheTargetHasIt) {
    open();
    send("QStartNoAckMode");
    EXPECT_THAT(send(kGdb), Not(HasSubstr("QNonStop+")));
    FakeNonStop non_stop(target_);
    target_bundle_.non_stop = &non_stop;
    EXPECT_THAT(send(kGdb), HasSubstr("QNonStop+"));
}

TEST_F(SessionTest, SaysInWordsWhyTheTargetCannotBeInNonStopMode) {
    FakeNonStop non_stop(target_);
    non_stop.refusal = TargetError{TargetError::Code::Invalid, "it is recorded"};
    target_bundle_.non_stop = &non_stop;
    open_with(kGdb);
    EXPECT_EQ(send("QNonStop:1"), "E16");
    EXPECT_EQ(session_->last_error(), "it is recorded");
    EXPECT_EQ(send("?"), "T05thread:p1.1;core:0;");
}

TEST_F(InNonStop, ReportsEveryStoppedThreadOneByOne) {
    EXPECT_EQ(send("?"), "T05thread:p1.1;core:0;" + std::string(kExpedited1));
    EXPECT_EQ(send("vStopped"), "T00thread:p1.2;core:1;" + std::string(kExpedited2));
    EXPECT_EQ(send("vStopped"), "OK");
    EXPECT_EQ(send("vStopped"), "OK");
}

TEST_F(InNonStop, GdbThirteenGetsEachStopInANotificationOfItsOwn) {
    begin(kGdb);
    EXPECT_THAT(send("?"), StartsWith("T05thread:p1.1;"));
    receive(framed("vStopped"));
    EXPECT_THAT(take_replies(), ElementsAre("OK", StartsWith("%Stop:T00thread:p1.2;")));
    EXPECT_EQ(send("vStopped"), "OK");
}

TEST_F(InNonStop, SaysThatNothingIsStopped) {
    non_stop_.stopped.clear();
    EXPECT_EQ(send("?"), "OK");
}

TEST_F(InNonStop, ResumesTheNamedThreadsAndAnswersAtOnce) {
    EXPECT_EQ(send("vCont;s:p1.2"), "OK");
    EXPECT_EQ(send("vCont;c:p1.-1"), "OK");
    EXPECT_THAT(target_.log, ElementsAre("resume 2:s", "resume 1:c"));
}

TEST_F(InNonStop, SendsANotificationOfAStop) {
    run_both();
    EXPECT_THAT(stop_of(2), ElementsAre("%Stop:T05thread:p1.2;core:1;hwbreak:;" + std::string(kExpedited2)));
    EXPECT_EQ(send("vStopped"), "OK");
}

TEST_F(InNonStop, OneNotificationIsOutAtATime) {
    run_both();
    EXPECT_THAT(stop_of(2), ElementsAre(StartsWith("%Stop:T05thread:p1.2;")));
    EXPECT_THAT(stop_of(1), IsEmpty());
    EXPECT_THAT(send("vStopped"), StartsWith("T05thread:p1.1;"));
    EXPECT_EQ(send("vStopped"), "OK");
    EXPECT_EQ(send("vCont;c:p1.1"), "OK");
    EXPECT_THAT(stop_of(1), ElementsAre(StartsWith("%Stop:T05thread:p1.1;")));
}

TEST_F(InNonStop, AThreadWhoseStopTheClientDoesNotKnowStaysStopped) {
    run_both();
    stop_of(2);
    EXPECT_EQ(send("vCont;c"), "OK");
    EXPECT_THAT(target_.log, ElementsAre("resume 1:c 2:c"));
}

TEST_F(InNonStop, StopsOnlyThreadsThatRun) {
    EXPECT_EQ(send("vCont;c:p1.2"), "OK");
    EXPECT_EQ(send("vCont;t"), "OK");
    EXPECT_THAT(target_.log, ElementsAre("resume 2:c", "stop 2"));
    EXPECT_THAT(stop_of(2, StoppedBySignal{Signal::None, false}),
                ElementsAre(StartsWith("%Stop:T00thread:p1.2;")));
}

TEST_F(InNonStop, CtrlCStopsOneThread) {
    run_both();
    EXPECT_EQ(send("Hgp1.2"), "OK");
    EXPECT_EQ(send("vCtrlC"), "OK");
    stop_of(2, StoppedByInterrupt{});
    EXPECT_EQ(send("vCtrlC"), "OK");
    EXPECT_THAT(target_.log, ElementsAre("resume 1:c 2:c", "stop 2 INT", "stop 1 INT"));
}

TEST_F(InNonStop, CtrlCWhileNoThreadRunsMeetsTheNextThatDoes) {
    EXPECT_EQ(send("vCtrlC"), "OK");
    EXPECT_EQ(send("vCont;s:p1.2"), "OK");
    EXPECT_THAT(target_.log, ElementsAre("resume 2:s", "stop 2 INT"));
}

TEST_F(InNonStop, AnswersWhileThreadsRun) {
    EXPECT_EQ(send("vCont;c:p1.2"), "OK");
    EXPECT_EQ(send("Hgp1.1"), "OK");
    EXPECT_EQ(send("m1000,4"), "00010203");
    EXPECT_EQ(send("Z0,1000,1"), "OK");
    EXPECT_THAT(send("g"), StartsWith("0001000000000000"));
}

TEST_F(InNonStop, ARunningThreadHasNoRegistersToRead) {
    EXPECT_EQ(send("vCont;c:p1.2"), "OK");
    EXPECT_EQ(send("Hgp1.2"), "OK");
    for (const std::string_view packet : {"g", "p10", "P10=0000000000000000"})
        EXPECT_EQ(send(packet), "E.the thread runs: interrupt it first") << packet;
}

TEST_F(InNonStop, PacketsOfAllStopModeAreRefused) {
    for (const std::string_view packet : {"c", "s", "C05", "S05"})
        EXPECT_THAT(send(packet), StartsWith("E.this packet is for all-stop mode")) << packet;
    EXPECT_THAT(target_.log, IsEmpty());
}

TEST_F(InNonStop, AThreadThatIsToGoBackIsReportedWhereItIs) {
    target_bundle_.reverse = &target_;
    EXPECT_EQ(send("Hcp1.2"), "OK");
    for (const std::string_view packet : {"bs", "bc"}) {
        receive(framed(packet));
        EXPECT_THAT(take_replies(), ElementsAre(StartsWith("E.in non-stop mode no thread goes back"),
                                                AllOf(StartsWith("%Stop:T05"), HasSubstr("replaylog:begin;"),
                                                      HasSubstr("thread:p1.2;"))))
            << packet;
        EXPECT_EQ(send("vStopped"), "OK");
    }
    EXPECT_EQ(send("vCont;c:p1.2"), "OK");
    EXPECT_THAT(send("bs"), StartsWith("E.there is no stopped thread"));
    EXPECT_THAT(target_.log, ElementsAre("resume 2:c"));
}

TEST_F(InNonStop, WordsComeWithTheNextCommand) {
    run_both();
    session_->on_stop({ThreadId{1}, StoppedBySignal{Signal::Trap, false}, "why"});
    EXPECT_THAT(take_replies(), ElementsAre(StartsWith("%Stop:")));
    target_.command = [](ThreadId, std::string_view) { return "answer"; };
    receive(framed("qRcmd,61"));
    EXPECT_THAT(take_replies(), ElementsAre("O776879", "O616e73776572", "OK"));
}

TEST_F(InNonStop, TheEndOfTheMachineIsANotificationToo) {
    run_both();
    EXPECT_THAT(stop_of(1, Exited{3}), ElementsAre("%Stop:W03;process:1"));
}

TEST_F(InNonStop, WhoGoesBackToAllStopModeWaitsForAllThreads) {
    run_both();
    EXPECT_EQ(send("QNonStop:0"), "OK");
    EXPECT_THAT(target_.log, ElementsAre("resume 1:c 2:c", "all-stop", "interrupt"));
    receive(framed("?"));
    EXPECT_THAT(take_replies(), IsEmpty());
    stop_with(StoppedByInterrupt{});
    EXPECT_THAT(take_replies(), ElementsAre(StartsWith("T02")));
}

TEST_F(InNonStop, ANewClientOnTheSameLineIsInAllStopMode) {
    open({.line_outlives_client = true});
    send("QStartNoAckMode");
    send(kGdb);
    EXPECT_EQ(send("QNonStop:1"), "OK");
    receive(framed(kGdb));
    take_output();
    target_.log.clear();
    receive("+" + framed("vCont;c"));
    EXPECT_EQ(take_output(), "+");
    EXPECT_TRUE(session_->running());
}

TEST_F(InNonStop, AnAttachingClientHearsOfTheStopsInNotifications) {
    send("!");
    EXPECT_EQ(send("D;1"), "OK");
    receive(framed("vAttach;1"));
    EXPECT_THAT(take_replies(), ElementsAre("OK", StartsWith("%Stop:T05thread:p1.1;")));
    EXPECT_THAT(send("vStopped"), StartsWith("T00thread:p1.2;"));
    EXPECT_EQ(send("vStopped"), "OK");
}

}  // namespace
}  // namespace ringside::gdbstub
