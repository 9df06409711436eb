// Registers, memory, breakpoints, threads, documents, monitor commands, as gdb asks for them.
#include <cstring>

#include "gdbstub/hex.h"
#include "tests/unit/gdbstub/session_fixture.h"

namespace ringside::gdbstub {
namespace {

using ::testing::ElementsAre;
using ::testing::SizeIs;
using ::testing::StartsWith;
using namespace std::string_literals;

class Data : public SessionTest {
  protected:
    void SetUp() override { open_with(kGdb); }
};

// ---- Registers

TEST_F(Data, ReadsAllRegistersAndMarksWhatIsNotKnown) {
    const std::string block = send("g");
    ASSERT_THAT(block, SizeIs(FakeTarget::kRegisters * 16));
    EXPECT_THAT(block, StartsWith("00010000000000000101000000000000"));
    EXPECT_EQ(block.substr(FakeTarget::kUnavailable * 16), "xxxxxxxxxxxxxxxx");
}

TEST_F(Data, ReadsTheChosenThreadsRegisters) {
    EXPECT_EQ(send("Hgp1.2"), "OK");
    EXPECT_EQ(send("p3"), "0302000000000000");
    EXPECT_EQ(send("Hg0"), "OK");
    EXPECT_EQ(send("p3"), "0302000000000000");
    EXPECT_EQ(send("p3;thread:1;"), "0301000000000000");
    EXPECT_EQ(send("Hg9"), "E16");
    EXPECT_EQ(session_->last_error(), "there is no thread 9");
}

TEST_F(Data, WritesRegisters) {
    EXPECT_EQ(send("P3=8877665544332211"), "OK");
    EXPECT_EQ(target_.registers_of[1][3], 0x1122334455667788U);
    EXPECT_EQ(send("P3=0100000000000000;thread:2;"), "OK");
    EXPECT_EQ(target_.registers_of[2][3], 1U);
    EXPECT_EQ(send("P3=01"), "E.bad register");
    EXPECT_EQ(send("G" + std::string(FakeTarget::kRegisters * 16, '0')), "OK");
    EXPECT_EQ(target_.registers_of[1][0], 0U);
    EXPECT_EQ(send("G00"), "E.wrong size");
    EXPECT_EQ(send("Gzz"), "E.malformed packet");
}

TEST_F(Data, AnswersForRegistersThatCannotBeRead) {
    EXPECT_EQ(send("p11"), "xxxxxxxxxxxxxxxx");
    EXPECT_EQ(send("p12"), "E.no register of that number");
    target_.read_error = TargetError{TargetError::Code::Io, "the vCPU is gone"};
    EXPECT_EQ(send("g"), "E.the vCPU is gone");
}

// ---- Memory

TEST_F(Data, ReadsMemoryAsHex) {
    EXPECT_EQ(send("m1001,4"), "01020304");
    EXPECT_EQ(send("m1000,0"), "");
}

TEST_F(Data, ReadsWhatIsThereOfARangeThatIsNot) {
    EXPECT_EQ(send("m2ffe,10"), "feff");
    EXPECT_EQ(send("m3000,4"), "E0e");
    EXPECT_EQ(session_->last_error(), "not mapped");
    EXPECT_EQ(send("mfffffffffffffffe,10"), "E0e");
    EXPECT_THAT(send("m1000,ffffffffffffffff"), SizeIs(FakeTarget::kMemorySize * 2));
}

TEST_F(Data, WritesMemory) {
    EXPECT_EQ(send("M1000,3:0a0B0c"), "OK");
    EXPECT_EQ(send("m1000,4"), "0a0b0c03");
    EXPECT_EQ(send("M2fff,2:0000"), "E.not mapped");
    EXPECT_EQ(send("M1000,1:zz"), "E.malformed packet");
    EXPECT_EQ(send("m2fff,1"), "ff");
}

TEST_F(Data, WritesBinaryWithEveryByteThatMeansSomethingToTheFramer) {
    EXPECT_EQ(send("X1000,0:"), "OK");
    EXPECT_EQ(send("X9999999,0:"), "OK");
    EXPECT_EQ(send("X1000,7:$%\x03}\x03}]}\x0a+"), "OK");
    EXPECT_EQ(send("m1000,8"), "242503237d2a2b07");
    EXPECT_EQ(send("X2fff,2:ab"), "E.not mapped");
}

TEST_F(Data, ReadsBinary) {
    target_.poke(0x1000, "a#$}*z"s);
    EXPECT_EQ(send("x1000,6"), "ba}\x03}\x04}]}\x0az");
    EXPECT_EQ(send("x1000,0"), "b");
    EXPECT_EQ(send("x3000,1"), "E0e");
    EXPECT_EQ(send("x2fff,5"), "b\xff");
}

TEST_F(SessionTest, ReadsBinaryAsEachLldbWantsIt) {
    open_with(kOldLldb);
    EXPECT_EQ(send("x0,0"), "OK");
    EXPECT_EQ(send("x1041,3"), "ABC");
    open_with(kNewLldb);
    EXPECT_EQ(send("x0,0"), "b");
    EXPECT_EQ(send("x1041,3"), "bABC");
}

TEST_F(Data, SearchesMemory) {
    target_.poke(0x1800, "needle");
    EXPECT_EQ(send("qSearch:memory:1000;2000;needle"), "1,1800");
    EXPECT_EQ(send("qSearch:memory:1801;7ff;needle"), "0");
    EXPECT_EQ(send("qSearch:memory:1000;806;needle"), "1,1800");
    EXPECT_EQ(send("qSearch:memory:1000;805;needle"), "0");
    EXPECT_EQ(send("qSearch:memory:1000;0;n"), "0");
    EXPECT_EQ(send("qSearch:memory:2000;2000;needle"), "E0e");
    EXPECT_EQ(send("qSearch:memory:0;ffffffffffffffff;n"), "E16");
}

// The well-known CRC-32/MPEG-2 check value, which has gdb's parameters.
TEST_F(Data, SumsMemory) {
    target_.poke(0x1000, "123456789");
    EXPECT_EQ(send("qCRC:1000,9"), "C376e6e7");
    EXPECT_EQ(send("qCRC:1000,0"), "Cffffffff");
    EXPECT_EQ(send("qCRC:2fff,2"), "E0e");
}

TEST_F(Data, SwitchesToPhysicalAddresses) {
    EXPECT_EQ(send("qqemu.PhyMemMode"), "0");
    EXPECT_EQ(send("Qqemu.PhyMemMode:1"), "OK");
    EXPECT_EQ(send("qqemu.PhyMemMode"), "1");
}

TEST_F(Data, TellsAndSetsWhatAStepHoldsBack) {
    EXPECT_EQ(send("qqemu.sstepbits"), "ENABLE=1,NOIRQ=2");
    EXPECT_EQ(send("Qqemu.sstepbits"), "ENABLE=1,NOIRQ=2");
    EXPECT_EQ(send("qqemu.sstep"), "0x3");
    EXPECT_EQ(send("Qqemu.sstep=0x1"), "OK");
    EXPECT_FALSE(target_.step_blocks_interrupts);
    EXPECT_EQ(send("qqemu.sstep"), "0x1");
    EXPECT_EQ(send("Qqemu.sstep=3"), "OK");
    EXPECT_TRUE(target_.step_blocks_interrupts);
    EXPECT_EQ(send("Qqemu.sstep=0x7"), "E5f");
    EXPECT_EQ(send("Qqemu.sstep=0x2"), "E5f");
    EXPECT_EQ(send("Qqemu.sstep=0x"), "E16");
    EXPECT_EQ(send("qqemu.sstep"), "0x3");
}

TEST_F(SessionTest, OffersNoStepBitsThatTheTargetLacks) {
    target_bundle_.stepping = nullptr;
    open_with(kGdb);
    EXPECT_EQ(send("qqemu.sstepbits"), "ENABLE=1");
    EXPECT_EQ(send("qqemu.sstep"), "0x1");
    EXPECT_EQ(send("Qqemu.sstep=0x1"), "OK");
    EXPECT_EQ(send("Qqemu.sstep=0x3"), "E5f");
}

// ---- Breakpoints

TEST_F(Data, InsertsAndRemovesEachKind) {
    EXPECT_EQ(send("Z0,1000,1"), "OK");
    EXPECT_EQ(send("Z1,1001,1"), "OK");
    EXPECT_EQ(send("Z2,1002,8"), "OK");
    EXPECT_EQ(send("Z4,1004,4"), "OK");
    ASSERT_THAT(target_.inserted, SizeIs(4));
    EXPECT_EQ(target_.inserted[2].kind, BreakpointKind::WriteWatch);
    EXPECT_EQ(target_.inserted[2].address, 0x1002U);
    EXPECT_EQ(target_.inserted[2].size, 8U);
    EXPECT_EQ(send("z2,1002,8"), "OK");
    EXPECT_EQ(target_.log.back(), "remove 2 1002 8");
}

TEST_F(Data, AnswersNothingForAKindThatTheTargetLacks) {
    EXPECT_EQ(send("Z3,1000,1"), "");
    EXPECT_EQ(send("Z5,1000,1"), "");
    EXPECT_EQ(send("z3,1000,1"), "");
}

TEST_F(Data, TakesConditionsAndCommands) {
    EXPECT_EQ(send("Z0,1000,1;X3,220127X1,27;cmds:1,X2,2227"), "OK");
    ASSERT_THAT(target_.inserted, SizeIs(1));
    const BreakpointRequest& request = target_.inserted.front();
    ASSERT_THAT(request.conditions, SizeIs(2));
    EXPECT_THAT(request.conditions[0], ElementsAre(std::byte{0x22}, std::byte{0x01}, std::byte{0x27}));
    EXPECT_THAT(request.conditions[1], ElementsAre(std::byte{0x27}));
    ASSERT_THAT(request.commands, SizeIs(1));
    EXPECT_TRUE(request.persist);
}

TEST_F(Data, SaysInWordsWhyABreakpointCannotBe) {
    target_.insert_error = TargetError{TargetError::Code::NoSpace, "all 4 slots are taken"};
    EXPECT_EQ(send("Z0,1000,1"), "E.all 4 slots are taken");
    // gdb shows what follows the second dot.
    EXPECT_EQ(send("Z1,1000,1"), "E..all 4 slots are taken");
    target_.conditions = false;
    EXPECT_THAT(send("Z0,1000,1;X1,27"), StartsWith("E."));
}

// ---- Threads

TEST_F(Data, ListsThreads) {
    EXPECT_EQ(send("qfThreadInfo"), "mp1.1,p1.2");
    EXPECT_EQ(send("qsThreadInfo"), "l");
    EXPECT_EQ(send("qC"), "QCp1.1");
    EXPECT_EQ(send("Tp1.2"), "OK");
    EXPECT_EQ(send("Tp1.3"), "E16");
    EXPECT_EQ(send("qThreadExtraInfo,p1.2"), "7643505520313a2068616c7465642026203c69646c653e");
    EXPECT_EQ(send("qThreadExtraInfo,p1.3"), "E16");
    EXPECT_EQ(send("QThreadEvents:1"), "OK");
}

TEST_F(Data, DescribesThreadsInADocument) {
    EXPECT_EQ(send("qXfer:threads:read::0,1000"),
              "l<?xml version=\"1.0\"?>\n<threads>\n"
              "<thread id=\"p1.1\" core=\"0\" name=\"vCPU 0\">halted &amp; &lt;idle&gt;</thread>\n"
              "<thread id=\"p1.2\" core=\"1\" name=\"vCPU 1\">halted &amp; &lt;idle&gt;</thread>\n"
              "</threads>\n");
}

// ---- Documents

TEST_F(Data, HandsOutADocumentInChunksOfOneText) {
    target_.texts[{"features", "target.xml"}] = "0123456789";
    EXPECT_EQ(send("qXfer:features:read:target.xml:0,4"), "m0123");
    target_.texts[{"features", "target.xml"}] = "changed";
    EXPECT_EQ(send("qXfer:features:read:target.xml:4,5"), "m45678");
    EXPECT_EQ(send("qXfer:features:read:target.xml:9,5"), "l9");
    EXPECT_EQ(send("qXfer:features:read:target.xml:a,5"), "l");
    EXPECT_EQ(send("qXfer:features:read:target.xml:b,5"), "E16");
    EXPECT_EQ(send("qXfer:features:read:target.xml:0,ffff"), "lchanged");
}

TEST_F(Data, EscapesADocument) {
    target_.texts[{"osdata", ""}] = "a#}";
    EXPECT_EQ(send("qXfer:osdata:read::0,10"), "la}\x03}]");
}

TEST_F(Data, KnowsWhichDocumentsThereAre) {
    EXPECT_EQ(send("qXfer:features:read:other.xml:0,4"), "E00");
    EXPECT_EQ(send("qXfer:auxv:read::0,4"), "");
    EXPECT_EQ(send("qXfer:osdata:write::0:00"), "");
    EXPECT_EQ(send("qXfer:siginfo:write::0:00"), "");
}

// ---- Monitor

TEST_F(Data, PrintsWhatAMonitorCommandSays) {
    receive(framed("qRcmd,68656c70"));  // help
    EXPECT_THAT(take_replies(), ElementsAre("O68656c70206f6e20310a", "OK"));
    target_.command = [](ThreadId, std::string_view) { return std::string(); };
    EXPECT_EQ(send("qRcmd,68656c70"), "OK");
    target_.command = [](ThreadId, std::string_view) { return std::string(0x20000, 'a'); };
    receive(framed("qRcmd,"));
    EXPECT_THAT(take_replies(), SizeIs(3));
    EXPECT_EQ(send("qRcmd,6x"), "E16");
}

TEST_F(Data, AnswersTheSmallQuestions) {
    EXPECT_EQ(send("qAttached"), "1");
    EXPECT_EQ(send("qAttached:1"), "1");
    EXPECT_EQ(send("qSymbol::"), "OK");
    EXPECT_EQ(send("!"), "OK");
    EXPECT_EQ(send("vMustReplyEmpty"), "");
}

TEST_F(Data, GetsOneThreadForEachStop) {
    send("vCont;c");
    target_.other_stops = {{ThreadId{2}, StoppedBySoftwareBreakpoint{}, {}}};
    stop_with(StoppedBySoftwareBreakpoint{});
    EXPECT_THAT(take_replies(), ElementsAre(StartsWith("T05thread:p1.1;")));
    EXPECT_THAT(target_.other_stops, SizeIs(1));
}

// What a breakpoint's commands print is for the console, which a client reads only while it waits for a stop.
TEST_F(Data, ShowsWhatBreakpointCommandsPrint) {
    session_->on_console("too early\n");
    EXPECT_EQ(take_output(), "");
    receive(framed("vCont;c"));
    session_->on_console("v=1\n");
    EXPECT_THAT(take_replies(), ElementsAre("O" + to_hex("too early\n"), "O" + to_hex("v=1\n")));
    EXPECT_TRUE(session_->running());
}

}  // namespace
}  // namespace ringside::gdbstub
