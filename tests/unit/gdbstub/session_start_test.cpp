// How a conversation begins, and what the framing layer answers.
#include "tests/unit/gdbstub/session_fixture.h"

namespace ringside::gdbstub {
namespace {

using ::testing::ElementsAre;

TEST_F(SessionTest, AcknowledgesUntilToldNotTo) {
    open();
    receive(framed("?"));
    EXPECT_EQ(take_output().front(), '+');
    receive(framed("QStartNoAckMode"));
    EXPECT_EQ(take_output(), "+$OK#9a");
    receive("+" + framed("qAttached"));
    EXPECT_EQ(take_output(), framed("1"));
}

TEST_F(SessionTest, AsksAgainForADamagedPacketAndRepeatsAReplyOnRequest) {
    open();
    receive("$qAttached#00");
    EXPECT_EQ(take_output(), "-");
    receive(framed("qAttached"));
    EXPECT_EQ(take_output(), "+" + framed("1"));
    receive("-");
    EXPECT_EQ(take_output(), framed("1"));
}

TEST_F(SessionTest, AnswersADamagedPacketWithAnErrorWhenNothingIsAcknowledged) {
    open_with(kGdb);
    receive("$k#00");
    EXPECT_THAT(take_replies(), ElementsAre("E16"));
    EXPECT_THAT(target_.log, ElementsAre("attach"));
}

TEST_F(SessionTest, AnswersAPacketThatIsTooLong) {
    open_with(kGdb);
    receive(framed("X1000,50000:" + std::string(0x50000, 'a')));
    EXPECT_THAT(take_replies(), ElementsAre("E16"));
    EXPECT_EQ(session_->last_error(), "packet longer than the announced PacketSize");
    EXPECT_EQ(send("qAttached"), "1");
}

TEST_F(SessionTest, OffersWhatTheTargetHas) {
    open();
    EXPECT_EQ(send(kGdb),
              "PacketSize=40000;QStartNoAckMode+;vContSupported+;qXfer:threads:read+;binary-upload+;"
              "MultiMemRead+;address-spaces+;"
              "qXfer:features:read+;qXfer:osdata:read+;jMultiBreakpoint+;swbreak+;hwbreak+;"
              "ConditionalBreakpoints+;BreakpointCommands+;multiprocess+");
}

TEST_F(SessionTest, OffersNothingThatTheTargetLacks) {
    target_bundle_.breakpoints = nullptr;
    target_bundle_.documents = nullptr;
    target_bundle_.monitor = nullptr;
    open();
    EXPECT_EQ(send(kGdb),
              "PacketSize=40000;QStartNoAckMode+;vContSupported+;qXfer:threads:read+;binary-upload+;"
              "MultiMemRead+;address-spaces+;"
              "multiprocess+");
    EXPECT_EQ(send("Z0,1000,1"), "");
    EXPECT_EQ(send("z0,1000,1"), "");
    EXPECT_EQ(send("qRcmd,68"), "");
    EXPECT_EQ(send("qXfer:features:read:target.xml:0,100"), "");
    EXPECT_EQ(send("qWatchpointSupportInfo:"), "num:0;");
}

TEST_F(SessionTest, GivesWordsToAClientThatTakesThemEverywhere) {
    open_with("qSupported:swbreak+;qRelocInsn+;error-message+");
    EXPECT_EQ(send("m9000,4"), "E.not mapped");
}

TEST_F(SessionTest, AnswersUnknownPacketsWithNothing) {
    open_with(kGdb);
    for (const char* packet :
         {"vMustReplyEmpty", "vFoo;1", "qFoo", "QFoo:1", "jFoo", "_M10,rwx", "y", "", "qTStatus",
          "qShlibInfoAddr", "jGetLoadedDynamicLibrariesInfos:{}]", "QPassSignals:e", "QProgramSignals:0",
          "qStructuredDataPlugins", "qVAttachOrWaitSupported", "bs", "qOffsets"})
        EXPECT_EQ(send(packet), "") << packet;
}

TEST_F(SessionTest, ReportsWhereAMovedProgramIs) {
    target_bundle_.first_segment = 0xffffffff84000000;
    open_with(kGdb);
    EXPECT_EQ(send("qOffsets"), "TextSeg=ffffffff84000000");
}

TEST_F(SessionTest, AnswersMalformedPacketsWithOneError) {
    open_with(kGdb);
    for (const char* packet : {"m",
                               "m1000",
                               "m1000,",
                               "m1000,4x",
                               "mfffffffffffffffff,1",
                               "M1000,2:aa",
                               "M1000,1",
                               "x1000",
                               "X1000,2:a",
                               "X1000",
                               "gx",
                               "p",
                               "pzz",
                               "P1",
                               "P=00",
                               "Hx1",
                               "Hg",
                               "Hgp2.1",
                               "Hgzz",
                               "T",
                               "Tp",
                               "vCont;",
                               "vCont;q",
                               "vCont;c:",
                               "vCont;C",
                               "vCont;Cz0",
                               "vCont;r1000",
                               "vCont;r1000,",
                               "vCont;c;",
                               "vCont;c:1x",
                               "C",
                               "Czz",
                               "C05;",
                               "s1x",
                               "Z0",
                               "Z0,1000",
                               "Z0,1000,1;X",
                               "Z0,1000,1;X5,00",
                               "Z0,1000,1;X1,zz",
                               "Z0,1000,1;cmds:0",
                               "Z0,1000,1x",
                               "z0,1000,1;",
                               "qXfer:",
                               "qXfer:features:",
                               "qXfer:features:read:target.xml:0",
                               "qRcmd",
                               "qRcmd,6",
                               "qSearch:memory:1000;4;",
                               "qSearch:memory:1000,4;a",
                               "qCRC:1000",
                               "qThreadExtraInfo",
                               "D;2",
                               "D1",
                               "kx",
                               "vKill;2",
                               "vKill",
                               "qRegisterInfo",
                               "QRestoreRegisterState:x",
                               "Qqemu.PhyMemMode:2",
                               "qMemoryRegionInfo:x",
                               "vCont",
                               "QNonStop:2",
                               "qAttached:x"}) {
        EXPECT_EQ(send(packet), "E16") << packet;
    }
    EXPECT_THAT(target_.log, ElementsAre("attach"));
}

TEST_F(SessionTest, HoldsPacketsBackUntilARunningTargetHasStopped) {
    target_.is_running = true;
    open();
    receive(framed("qAttached") + framed("?"));
    EXPECT_EQ(take_output(), "++");
    stop_with(StoppedByInterrupt{}, 2);
    EXPECT_THAT(take_replies(),
                ElementsAre("1", "T02thread:2;core:1;10:1002000000000000;07:0702000000000000;"));
    EXPECT_THAT(target_.log, ElementsAre("attach"));
}

TEST_F(SessionTest, ClosesOnAClientThatSendsWithoutEndWhileItMustWait) {
    target_.is_running = true;
    open();
    for (int i = 0; i < 100; ++i)
        receive(framed("qAttached"));
    EXPECT_TRUE(session_->wants_close());
    session_->disconnected();
    EXPECT_THAT(target_.log, ElementsAre("attach", "lost"));
}

TEST_F(SessionTest, StopsTakingInputWhileTheOutputIsNotTaken) {
    open_with(kGdb);
    std::string flood;
    for (int i = 0; i < 1000; ++i)
        flood += framed("m1000,2000");
    const auto bytes = std::as_bytes(std::span(flood));
    const std::size_t taken = session_->receive(bytes);
    EXPECT_LT(taken, flood.size());
    EXPECT_LT(session_->output().size(), 2 * Session::kOutputHighWater);
    std::size_t replies = take_replies().size();
    for (std::size_t at = taken; at < flood.size();) {
        at += session_->receive(bytes.subspan(at));
        replies += take_replies().size();
    }
    EXPECT_EQ(replies, 1000U);
}

TEST_F(SessionTest, ReportsALostClientOnce) {
    open_with(kGdb);
    session_->disconnected();
    session_.reset();
    EXPECT_THAT(target_.log, ElementsAre("attach", "lost"));
}

TEST_F(SessionTest, OnASerialLineAttachesAgainAfterDetach) {
    open({.run_length_encoding = false, .line_outlives_client = true});
    send("QStartNoAckMode");
    send(kGdb);
    EXPECT_EQ(send("D;1"), "OK");
    receive(framed(kGdb));
    EXPECT_EQ(take_output().substr(0, 2), "+$");
    EXPECT_THAT(target_.log, ElementsAre("attach", "detach", "attach"));
}

TEST_F(SessionTest, OnASerialLineASecondGreetingIsANewClient) {
    open({.run_length_encoding = false, .line_outlives_client = true});
    send("QStartNoAckMode");
    send(kGdb);
    send("vCont;c");
    receive(framed(kGdb));
    EXPECT_EQ(take_output(), "+");  // the target is being stopped
    stop_with(StoppedByInterrupt{});
    EXPECT_EQ(take_replies().size(), 1U);
    EXPECT_THAT(target_.log, ElementsAre("attach", "resume 1:c 2:c", "lost", "attach"));
}

TEST_F(SessionTest, LeavesTheTargetAloneUntilItsClientHasSentAPacket) {
    for (const char* bytes : {"", "GET / HTTP/1.0\r\n\r\n", "+", "\x03\x03", "$m1000,4", "$?#00"}) {
        target_.log.clear();
        open();
        receive(bytes);
        EXPECT_FALSE(session_->wants_close());
        session_.reset();
        EXPECT_THAT(target_.log, ElementsAre()) << bytes;
    }
}

TEST_F(SessionTest, AttachesAtOnceWhereNoPortCanBeProbed) {
    open({.attach_at_once = true});
    EXPECT_THAT(target_.log, ElementsAre("attach"));
    session_.reset();
    EXPECT_THAT(target_.log, ElementsAre("attach", "lost"));
}

TEST_F(SessionTest, TellsAClientThatCannotHaveTheTargetWhy) {
    refusal_ = "another debugger (127.0.0.1:5) is attached to this guest: detach it first";
    open();
    receive("+" + framed(kGdb));
    EXPECT_EQ(take_output(), "+" + framed("E." + refusal_));
    EXPECT_TRUE(session_->wants_close());
    session_.reset();
    EXPECT_THAT(target_.log, ElementsAre());
}

// With a reply to this greeting, LLDB does not notice the end of the connection.
TEST_F(SessionTest, ClosesTheConnectionOfAnLldbThatCannotHaveTheTarget) {
    refusal_ = "another debugger (127.0.0.1:5) is attached to this guest: detach it first";
    open();
    receive("+" + framed("QStartNoAckMode"));
    EXPECT_EQ(take_output(), "+");
    EXPECT_TRUE(session_->wants_close());
}

TEST_F(SessionTest, LogsTheReasonsThatTheClientDoesNotTakeInWords) {
    open_with(kGdb);
    EXPECT_EQ(send("m9000,4"), "E0e");
    EXPECT_EQ(send("P3=01"), "E.bad register");
    EXPECT_EQ(send("qSearch:memory:9000;4;" + std::string(30, '\x01')), "E0e");
    EXPECT_THAT(logged_, ElementsAre("m9000,4: not mapped",
                                     "qSearch:memory:9000;4;.................."
                                     "...: not mapped"));
}

// The last client went in the middle of a packet. Its half must not swallow the new one's greeting.
TEST_F(SessionTest, OnASerialLineAGreetingIsFoundBehindHalfAPacket) {
    open({.line_outlives_client = true});
    send("QStartNoAckMode");
    send(kGdb);
    receive("$m1000,");
    receive("+" + framed(kGdb));
    EXPECT_EQ(take_output().substr(0, 14), "+$PacketSize=4");
    EXPECT_THAT(target_.log, ElementsAre("attach", "lost", "attach"));
}

// gdb asks for a reply again when it takes too long to come. It must not get an older one: each answer would
// then be taken for that of the packet before.
TEST_F(SessionTest, RepeatsNoReplyToAnEarlierPacket) {
    open({.line_outlives_client = true});
    EXPECT_EQ(send("QStartNoAckMode"), "OK");
    send(kGdb);
    send("qAttached");
    target_.is_running = true;
    receive(framed(kGdb));
    EXPECT_EQ(take_output(), "+");  // the target is being stopped
    receive("-");
    EXPECT_EQ(take_output(), "");
    stop_with(StoppedByInterrupt{});
    EXPECT_EQ(take_replies().size(), 1U);
}

// A user who gives up waiting and connects again does not get the replies to the first attempt.
TEST_F(SessionTest, OnASerialLineAGreetingDuringAnotherReplacesIt) {
    open({.line_outlives_client = true});
    target_.is_running = true;
    receive(framed(kGdb) + framed("vMustReplyEmpty"));
    receive(framed(kGdb));
    stop_with(StoppedByInterrupt{});
    EXPECT_THAT(take_replies(), ElementsAre(::testing::StartsWith("PacketSize=")));
}

TEST_F(SessionTest, OnASerialLineAHangupIsALostClientAndTheNextOneAttaches) {
    open({.line_outlives_client = true});
    send("QStartNoAckMode");
    send(kGdb);
    send("vCont;c");
    receive("#00\x04");
    EXPECT_THAT(target_.log, ElementsAre("attach", "resume 1:c 2:c", "lost"));
    EXPECT_EQ(take_output(), "#\x04");
    receive("\x04");
    EXPECT_EQ(take_output(), "#\x04");
    target_.is_running = true;
    receive(framed(kGdb));
    EXPECT_EQ(take_output(), "+");  // the target is being stopped
    stop_with(StoppedByInterrupt{});
    EXPECT_THAT(take_replies(), ElementsAre(::testing::StartsWith("PacketSize=")));
    EXPECT_THAT(target_.log, ElementsAre("attach", "resume 1:c 2:c", "lost", "attach"));
}

TEST_F(SessionTest, AHangupDropsWhatTheClientWasToGet) {
    open({.line_outlives_client = true});
    send("QStartNoAckMode");
    send(kGdb);
    receive(framed("qAttached") + "$m1000,#00\x04");
    EXPECT_EQ(take_output(), "#\x04");
    EXPECT_THAT(target_.log, ElementsAre("attach", "lost"));
}

TEST_F(SessionTest, AHangupBeforeTheFirstPacketLeavesTheTargetAlone) {
    open({.line_outlives_client = true});
    receive("\x04");
    EXPECT_EQ(take_output(), "#\x04");
    EXPECT_THAT(target_.log, ElementsAre());
}

// A machine may restart when its debugger kills it.
TEST_F(SessionTest, OnASerialLineTheNextClientAttachesAfterAKill) {
    open({.line_outlives_client = true});
    send("QStartNoAckMode");
    send(kGdb);
    send("k");
    receive("#00\x04");
    EXPECT_EQ(take_output(), "#\x04");
    receive(framed(kGdb));
    EXPECT_EQ(take_output().substr(0, 14), "+$PacketSize=4");
    EXPECT_THAT(target_.log, ElementsAre("attach", "kill", "attach"));
}

TEST_F(SessionTest, OnASerialLineTheNextClientAttachesAfterOneThatSentTooMuch) {
    open({.line_outlives_client = true});
    send("QStartNoAckMode");
    send(kGdb);
    send("vCont;c");
    for (int i = 0; i < 10'000 && target_.log.back() != "lost"; ++i)
        receive(framed("qAttached"));
    EXPECT_FALSE(session_->wants_close());
    receive("#00\x04");
    EXPECT_THAT(target_.log, ElementsAre("attach", "resume 1:c 2:c", "lost"));
    (void)take_output();
    receive(framed(kGdb));
    EXPECT_EQ(target_.log.back(), "attach");
}

TEST_F(SessionTest, ElsewhereAHangupIsNoise) {
    open_with(kGdb);
    receive("\x04");
    EXPECT_EQ(take_output(), "");
    EXPECT_THAT(target_.log, ElementsAre("attach"));
}

TEST_F(SessionTest, PacksRunsWhereAskedTo) {
    open({.run_length_encoding = true});
    target_.poke(0x1000, std::string(16, '\0'));
    receive(framed("m1000,10"));
    EXPECT_EQ(take_output(), "+" + framed("0*<"));
}

}  // namespace
}  // namespace ringside::gdbstub
