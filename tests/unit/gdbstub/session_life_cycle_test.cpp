// Extended mode: the client stays when the target is killed or has ended, and restarts it.
#include "gdbstub/hex.h"
#include "tests/unit/gdbstub/session_fixture.h"

namespace ringside::gdbstub {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class ExtendedMode : public SessionTest {
  protected:
    void SetUp() override {
        open_with(kGdb);
        EXPECT_EQ(send("!"), "OK");
        target_.log.clear();
    }
    // Awaits the stop at the first instruction.
    std::string run(std::string_view packet) {
        receive(framed(packet));
        EXPECT_EQ(take_output(), "") << "the stop is the reply";
        stop_with(StoppedBySignal{Signal::Trap, false});
        const auto replies = take_replies();
        return replies.empty() ? "" : replies.back();
    }
};

TEST_F(ExtendedMode, RestartsTheTarget) {
    EXPECT_THAT(run("vRun;"), StartsWith("T05thread:p1.1;"));
    EXPECT_THAT(target_.log, ElementsAre("restart '' []"));
    EXPECT_EQ(send("m1000,1"), "00");
}

TEST_F(ExtendedMode, NamesTheProgramAndItsArguments) {
    run(fmt::format("vRun;{};{};{}", to_hex("kernel"), to_hex("quiet"), to_hex("a b")));
    EXPECT_THAT(target_.log, ElementsAre("restart 'kernel' [quiet,a b]"));
    EXPECT_THAT(send("vRun;4"), StartsWith("E"));
    EXPECT_THAT(send("vRun"), StartsWith("E"));
    EXPECT_EQ(target_.log.size(), 1U);
}

TEST_F(ExtendedMode, ARefusalLeavesTheTargetAsItIs) {
    target_.restart_error = TargetError{TargetError::Code::Io, "the kernel is empty"};
    EXPECT_THAT(send("vRun;"), StartsWith("E"));
    EXPECT_EQ(session_->last_error(), "the kernel is empty");
    EXPECT_EQ(send("m1000,1"), "00");
}

TEST_F(ExtendedMode, AKilledTargetIsHeldAndRestarts) {
    EXPECT_EQ(send("vKill;1"), "OK");
    EXPECT_FALSE(session_->wants_close());
    EXPECT_THAT(send("m1000,1"), StartsWith("E")) << "nothing is left to read";
    EXPECT_THAT(run("vRun;"), StartsWith("T05"));
    EXPECT_THAT(target_.log, ElementsAre("restart '' []"));
}

TEST_F(ExtendedMode, WhatIsKilledIsTheClientsAgainAfterARefusal) {
    EXPECT_EQ(send("vKill;1"), "OK");
    target_.restart_error = TargetError{TargetError::Code::Io, "the kernel is empty"};
    EXPECT_THAT(send("vRun;"), StartsWith("E"));
    EXPECT_THAT(send("vAttach;1"), StartsWith("T05"));
    EXPECT_EQ(send("m1000,1"), "00");
}

TEST_F(ExtendedMode, ATargetThatRunsIsStoppedToBeKilled) {
    receive(framed("vCont;c"));
    EXPECT_EQ(send("vKill;1"), "OK");
    EXPECT_EQ(target_.log.back(), "interrupt");
    stop_with(StoppedByInterrupt{});
    EXPECT_EQ(take_output(), "");
}

TEST_F(ExtendedMode, AClientThatLeavesAfterAKillEndsTheTarget) {
    send("vKill;1");
    session_->disconnected();
    EXPECT_THAT(target_.log, ElementsAre("kill"));
}

TEST_F(ExtendedMode, AClientThatLeavesOtherwiseIsLost) {
    run("vRun;");
    session_->disconnected();
    EXPECT_EQ(target_.log.back(), "lost");
}

TEST_F(ExtendedMode, TheOldPacketsKillAndRestart) {
    receive(framed("k"));
    EXPECT_FALSE(session_->wants_close());
    receive(framed("R00"));
    EXPECT_EQ(take_output(), "");
    receive(framed("?"));
    EXPECT_EQ(take_output(), "") << "it waits for the stop";
    stop_with(StoppedBySignal{Signal::Trap, false});
    EXPECT_THAT(take_replies(), ElementsAre(StartsWith("T05")));
    EXPECT_THAT(target_.log, ElementsAre("restart '' []"));
}

TEST_F(ExtendedMode, AnEndedTargetRestarts) {
    receive(framed("vCont;c"));
    stop_with(Exited{3});
    EXPECT_THAT(take_replies(), ElementsAre("W03;process:1"));
    EXPECT_EQ(send("Hgp0.0"), "OK");
    EXPECT_THAT(send("qXfer:threads:read::0,1000"), Not(HasSubstr("thread id")));
    EXPECT_EQ(send("qfThreadInfo"), "l");
    EXPECT_EQ(send("?"), "W03;process:1");
    EXPECT_THAT(send("vAttach;1"), StartsWith("E"));
    EXPECT_THAT(run("vRun;"), StartsWith("T05"));
    session_->disconnected();
    EXPECT_EQ(target_.log.back(), "lost");
}

TEST_F(ExtendedMode, WhatWasDetachedFromIsTakenAgain) {
    EXPECT_EQ(send("D;1"), "OK");
    EXPECT_THAT(run("vRun;"), StartsWith("T05"));
    EXPECT_THAT(target_.log, ElementsAre("detach", "restart '' []", "attach", "stays"));
}

TEST_F(ExtendedMode, ForgetsTheThreadThatWasChosen) {
    EXPECT_EQ(send("Hcp1.2"), "OK");
    run("vRun;");
    target_.log.clear();
    receive(framed("c"));
    EXPECT_THAT(target_.log.back(), HasSubstr("1:c 2:c"));
}

TEST_F(SessionTest, WithoutExtendedModeNothingRestarts) {
    open_with(kGdb);
    EXPECT_THAT(send("vRun;"), StartsWith("E"));
    EXPECT_THAT(session_->last_error(), HasSubstr("extended-remote"));
    EXPECT_THAT(target_.log, Not(Contains(StartsWith("restart"))));
}

TEST_F(SessionTest, ATargetThatCannotRestartOffersNoExtendedMode) {
    target_bundle_.restart = nullptr;
    open_with(kGdb);
    EXPECT_EQ(send("!"), "");
    EXPECT_EQ(send("vRun;"), "");
}

}  // namespace
}  // namespace ringside::gdbstub
