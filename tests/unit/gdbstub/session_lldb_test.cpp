// What LLDB asks for besides gdb's packets.
#include "gdbstub/framer.h"
#include "gdbstub/hex.h"
#include "tests/unit/gdbstub/session_fixture.h"

namespace ringside::gdbstub {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

class Lldb : public SessionTest {
  protected:
    void SetUp() override { open_with(kOldLldb); }
};

TEST_F(Lldb, DescribesHostAndProcess) {
    EXPECT_EQ(send("QThreadSuffixSupported"), "OK");
    EXPECT_EQ(send("qHostInfo"),
              "triple:7838365f36342d756e6b6e6f776e2d756e6b6e6f776e;endian:little;ptrsize:8;"
              "watchpoint_exceptions_received:after;");
    EXPECT_EQ(send("qProcessInfo"),
              "pid:400000;triple:7838365f36342d756e6b6e6f776e2d756e6b6e6f776e;endian:little;ptrsize:8;");
    EXPECT_EQ(send("qC"), "QC1");
    EXPECT_EQ(send("qWatchpointSupportInfo:"), "num:4;");
}

TEST_F(SessionTest, TellsLldbHowFarTheProgramWasMoved) {
    target_bundle_.first_segment = 0xffffffff84000000;
    open_with(kOldLldb);
    EXPECT_EQ(send("qOffsets"), "");  // LLDB would take the address for an offset
    target_bundle_.load_offset = 0x3000000;
    EXPECT_EQ(send("qOffsets"), "Text=3000000;Data=3000000;Bss=3000000");
    target_bundle_.load_offset = 0;
    EXPECT_EQ(send("qOffsets"), "Text=0;Data=0;Bss=0");
    send(kGdb);
    EXPECT_EQ(send("qOffsets"), "TextSeg=ffffffff84000000");
}

TEST_F(Lldb, DescribesRegisters) {
    EXPECT_EQ(send("qRegisterInfo10"),
              "name:rip;alt-name:pc;bitsize:64;offset:128;encoding:uint;format:hex;set:General;dwarf:16;"
              "generic:pc;");
    EXPECT_EQ(send("qRegisterInfo0"), "name:r0;bitsize:64;offset:0;encoding:uint;format:hex;set:General;");
    EXPECT_EQ(send("qRegisterInfo12"), "E45");
}

TEST_F(Lldb, SavesAndRestoresRegisters) {
    EXPECT_EQ(send("QSaveRegisterState;thread:2;"), "1");
    EXPECT_EQ(send("P3=0000000000000000;thread:2;"), "OK");
    EXPECT_EQ(send("QRestoreRegisterState:1;thread:2;"), "OK");
    EXPECT_EQ(target_.registers_of[2][3], 0x203U);
    EXPECT_EQ(send("QRestoreRegisterState:7;thread:2;"), "E16");
}

TEST_F(Lldb, DescribesMemoryRegions) {
    EXPECT_EQ(send("qMemoryRegionInfo"), "OK");
    EXPECT_EQ(send("qMemoryRegionInfo:0"), "start:0;size:1000;");
    EXPECT_EQ(send("qMemoryRegionInfo:1234"), "start:1000;size:2000;permissions:rw;");
}

TEST_F(Lldb, GetsWordsBehindANumberOnceItAsksForThem) {
    EXPECT_EQ(send("m9000,1"), "E0e");
    EXPECT_EQ(send("QEnableErrorStrings"), "OK");
    EXPECT_EQ(send("m9000,1"), "E0e;6e6f74206d6170706564");
    EXPECT_EQ(send("P3=01"), "E16;626164207265676973746572");
}

TEST_F(Lldb, GetsThreadsAndReasonInAStopReply) {
    EXPECT_EQ(send("QListThreadsInStopReply"), "OK");
    send("vCont;c");
    stop_with(StoppedByHardwareBreakpoint{}, 2);
    constexpr std::string_view kStop = R"([{"reason":"breakpoint","signal":5,"tid":2}])";
    EXPECT_THAT(take_replies(),
                ElementsAre("T05thread:2;core:1;threads:1,2;thread-pcs:110,210;jstopinfo:" + to_hex(kStop) +
                            ";reason:breakpoint;10:1002000000000000;07:0702000000000000;"));
    const std::pair<StopReason, const char*> reasons[] = {{StoppedBySignal{Signal::Trap, true}, "trace"},
                                                          {StoppedBySignal{Signal::Segv, false}, "exception"},
                                                          {StoppedBySoftwareBreakpoint{}, "breakpoint"},
                                                          {StoppedByWatchpoint{}, "watchpoint"},
                                                          {StoppedByInterrupt{}, "signal"}};
    for (const auto& [reason, word] : reasons) {
        send("vCont;c");
        stop_with(reason);
        EXPECT_THAT(take_replies(), ElementsAre(::testing::HasSubstr(fmt::format(";reason:{};", word))));
    }
}

// Two threads hit at once: LLDB must get both stops, once each, or it steps one of them over its breakpoint.
TEST_F(Lldb, HearsOfEveryThreadThatStoppedForAReasonOfItsOwn) {
    EXPECT_EQ(send("QListThreadsInStopReply"), "OK");
    send("vCont;c");
    target_.other_stops = {{ThreadId{2}, StoppedByWatchpoint{WatchKind::Write, 0x1234}, {}}};
    stop_with(StoppedBySoftwareBreakpoint{});
    const std::string reasons = to_hex(R"([{"reason":"breakpoint","signal":5,"tid":1},)"
                                       R"({"description":"4660","reason":"watchpoint","signal":5,"tid":2}])");
    const std::string expected = "jstopinfo:" + reasons + ";";
    EXPECT_THAT(take_replies(), ElementsAre(HasSubstr(expected)));
    EXPECT_THAT(target_.other_stops, IsEmpty());
    EXPECT_THAT(send("?"), HasSubstr(expected));
    EXPECT_THAT(send("jThreadsInfo"), HasSubstr("\"description\":\"4660\""));
    send("vCont;c");
    stop_with(StoppedBySoftwareBreakpoint{});
    EXPECT_THAT(take_replies(), ElementsAre(Not(HasSubstr(expected))));
}

// To LLDB the description of a watchpoint's stop is its address.
TEST_F(Lldb, GetsNoDescriptionWithAWatchpoint) {
    EXPECT_EQ(send("QListThreadsInStopReply"), "OK");
    for (const bool watchpoint : {false, true}) {
        send("vCont;c");
        if (watchpoint)
            stop_with(StoppedByWatchpoint{WatchKind::Write, 0x1234}, 1, "words\n");
        else
            stop_with(StoppedBySignal{}, 1, "words\n");
        const auto replies = take_replies();
        ASSERT_THAT(replies, SizeIs(2));
        EXPECT_EQ(replies[0], "O" + to_hex("words\n"));
        EXPECT_EQ(replies[1].find("description:") == std::string::npos, watchpoint) << replies[1];
    }
}

TEST_F(Lldb, GetsAllThreadsAsJson) {
    stop_with(StoppedByHardwareBreakpoint{}, 2);
    EXPECT_EQ(send("jThreadsInfo"),
              "[{\"name\":\"vCPU 0\",\"registers\":{\"16\":\"1001000000000000\",\"7\":\"0701000000000000\"}]"
              ",\"tid\":1}],{\"name\":\"vCPU 1\",\"reason\":\"breakpoint\",\"registers\":"
              "{\"16\":\"1002000000000000\",\"7\":\"0702000000000000\"}],\"signal\":5,\"tid\":2}]]");
}

// Of the third range, a part lies before the hole; of the fourth, nothing.
TEST_F(Lldb, ReadsSeveralRangesAtOnce) {
    for (std::size_t i = 0; i < 4; ++i)
        target_.memory[i] = static_cast<std::byte>('a' + i);
    target_.memory.back() = std::byte{'z'};
    EXPECT_EQ(send("MultiMemRead:ranges:1000,2,1003,1,2fff,10,3000,4;"), "2,1,1,0;abdz");
    EXPECT_EQ(send("MultiMemRead:ranges:1000,0;"), "0;");
    for (const char* wrong :
         {"MultiMemRead", "MultiMemRead:", "MultiMemRead:ranges:", "MultiMemRead:ranges:;",
          "MultiMemRead:ranges:10", "MultiMemRead:ranges:10,2", "MultiMemRead:ranges:10,2,;",
          "MultiMemRead:ranges:10,2;options:x;", "MultiMemRead:ranges:10,2,3;"})
        EXPECT_EQ(send(wrong), "E16") << wrong;
    EXPECT_EQ(send("M1000,1:31"), "OK") << "another packet";
}

TEST_F(Lldb, ReadsNoMoreAtOnceThanAReplyHolds) {
    std::ranges::fill(target_.memory, std::byte{0});  // none of these bytes is escaped
    std::string packet = "MultiMemRead:ranges:1000,2000";
    for (int i = 0; i < 40; ++i)
        packet += ",1000,2000";
    const std::string reply = send(packet + ";");
    EXPECT_LE(reply.size(), kMaxPayload + 500);
    EXPECT_THAT(reply, HasSubstr(",2000,0,0,0"));
}

// The fake target's memory is at physical address 0.
TEST_F(Lldb, ReadsPhysicalMemoryAsAnAddressSpace) {
    target_.memory[0] = std::byte{0x41};
    EXPECT_EQ(send("jAddressSpacesInfo"),
              R"([{"is_thread_specific":false,"name":"physical","space_id":1}]])");
    EXPECT_EQ(send("m1000,1"), "41");
    EXPECT_EQ(send("m0,1;address_space:1;"), "41");
    EXPECT_EQ(send("m0,1;thread:1;address_space:1;"), "41");
    EXPECT_EQ(send("x0,1;address_space:1;"), "A");
    EXPECT_EQ(send("m1000,1;address_space:0;"), "41");
    EXPECT_EQ(send("m0,1"), "E0e") << "the next read is of the default space again";
    EXPECT_EQ(send("m0,1;address_space:2;"), "E16");
    for (const char* wrong :
         {"m0,1;address_space:", "m0,1;address_space:x;", "m0,1;space:1;", "m0,1;thread:;", "m0,1;1"})
        EXPECT_EQ(send(wrong), "E16") << wrong;
}

// The closing brace of JSON is an escape in a packet.
TEST_F(Lldb, SetsSeveralBreakpointsAtOnce) {
    EXPECT_EQ(send(R"(jMultiBreakpoint:{"breakpoint_requests":["Z0,1000,1","Z1,1004,1","z0,1000,1"]}])"),
              R"({"results":["OK","OK","OK"]}])");
    EXPECT_THAT(target_.inserted, SizeIs(2));
    EXPECT_EQ(send(R"(jMultiBreakpoint: {"breakpoint_requests":[]}])"), R"({"results":[]}])");
    EXPECT_EQ(send(R"(jMultiBreakpoint:{"breakpoint_requests":["Z9,1000,1","k","Z0,1000","Z0,1008,1"]}])"),
              R"({"results":["","E16","E16","OK"]}])");
    target_.insert_error = TargetError{TargetError::Code::Fault, "no memory there"};
    EXPECT_EQ(send(R"(jMultiBreakpoint:{"breakpoint_requests":["Z0,3000,1"]}])"), R"({"results":["E0e"]}])");
    EXPECT_EQ(session_->last_error(), "no memory there");
    for (const char* wrong :
         {"jMultiBreakpoint", "jMultiBreakpoint:", R"(jMultiBreakpoint:["Z0,1000,1"])",
          "jMultiBreakpoint:{}]", R"(jMultiBreakpoint:{"breakpoint_requests":"Z0,1000,1"}])",
          R"(jMultiBreakpoint:{"breakpoint_requests":[1]}])"})
        EXPECT_EQ(send(wrong), "E16") << wrong;
}

TEST_F(Lldb, HearsOfAKill) {
    EXPECT_EQ(send("k"), "X09");
    EXPECT_TRUE(session_->wants_close());
}

}  // namespace
}  // namespace ringside::gdbstub
