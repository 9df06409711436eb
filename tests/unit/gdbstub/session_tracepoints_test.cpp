// Tracepoint packets, as gdb 13 sends them.
#include "gdbstub/hex.h"
#include "tests/unit/gdbstub/fake_tracepoints.h"
#include "tests/unit/gdbstub/session_fixture.h"

namespace ringside::gdbstub {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;
using ::testing::StartsWith;
using namespace std::string_literals;

class Tracing : public SessionTest {
  protected:
    void SetUp() override {
        target_bundle_.tracepoints = &traces_;
        open_with(kGdb);
    }

    const TracepointHead& head() { return traces_.defined.back().head; }
    const TracepointActions& actions() { return traces_.defined.back().actions.back(); }

    // A frame with memory at 0x1000, and one with registers.
    void make_frames() {
        FakeTracepoints::Frame memory;
        memory.tracepoint = 2;
        memory.pc = 0x1122;
        memory.memory[0x1000] = "\x01\x02\x03\x04";
        memory.variables[7] = 0x99;
        FakeTracepoints::Frame registers;
        registers.registers.emplace(FakeTarget::kRegisters * 8, std::byte{0xab});
        registers.pc = 0x5000;
        traces_.frames = {memory, registers};
    }

    FakeTracepoints traces_;
};

TEST_F(Tracing, IsOfferedByATargetThatHasIt) {
    const std::string offered = send(kGdb);
    for (const char* feature : {"ConditionalTracepoints+", "TraceStateVariables+", "TracepointSource+",
                                "QTBuffer:size+", "EnableDisableTracepoints+", "InstallInTrace+",
                                "DisconnectedTracing+", "tracenz+", "qXfer:traceframe-info:read+"})
        EXPECT_THAT(offered, HasSubstr(feature));
    target_bundle_.tracepoints = nullptr;
    EXPECT_THAT(send(kGdb), ::testing::Not(HasSubstr("racepoint")));
    for (const char* packet : {"qTStatus", "QTinit", "QTStart", "qTfP", "qTsP", "QTFrame:0"})
        EXPECT_EQ(send(packet), "") << packet;
}

// ---- Definitions

TEST_F(Tracing, ATracepointIsDefinedWithItsActions) {
    EXPECT_EQ(send("QTinit"), "OK");
    EXPECT_EQ(send("QTDP:1:0000000000401122:E:a:3:X3,220127-"), "OK");
    EXPECT_EQ(head().id, (TracepointId{1, 0x401122}));
    EXPECT_TRUE(head().enabled);
    EXPECT_EQ(head().steps, 10U);
    EXPECT_EQ(head().passes, 3U);
    EXPECT_THAT(head().condition, SizeIs(3));
    EXPECT_EQ(send("QTDP:-1:401122:R03FFFFFFFFFFFFFFFFFFFFFF-"), "OK");
    EXPECT_THAT(actions().actions, ElementsAre(TraceAction(CollectRegisters{})));
    EXPECT_EQ(actions().text, "R03FFFFFFFFFFFFFFFFFFFFFF");
    EXPECT_EQ(send("QTDP:-1:401122:M-1,1000,20M6,FFFFFFFFFFFFFFF0,8X2,2627-"), "OK");
    EXPECT_THAT(actions().actions,
                ElementsAre(TraceAction(CollectMemory{std::nullopt, 0x1000, 0x20}),
                            TraceAction(CollectMemory{6, 0xfffffffffffffff0, 8}),
                            TraceAction(CollectExpression{{std::byte{0x26}, std::byte{0x27}}})));
    EXPECT_EQ(send("QTDP:-1:401122:SR1"), "OK");
    EXPECT_TRUE(actions().stepping);
    EXPECT_THAT(traces_.log, ElementsAre("clear", "define...", "add...", "add...", "add"));
}

TEST_F(Tracing, MalformedDefinitionsAreRefused) {
    for (const char* packet : {"QTDP",
                               "QTDP:",
                               "QTDP:1",
                               "QTDP:1:",
                               "QTDP:1:10",
                               "QTDP:1:10:Q:0:0",
                               "QTDP:1:10:E:0",
                               "QTDP:1:10:E:0:0:",
                               "QTDP:1:10:E:0:0:X5,00",
                               "QTDP:1:10:E:0:0:Xffffffffffffffff,00",
                               "QTDP:1:10:E:0:0:Z",
                               "QTDP:1:10:E:0:0--",
                               "QTDP:100000000:10:E:0:0",
                               "QTDP:-1:10",
                               "QTDP:-1:10:Q",
                               "QTDP:-1:10:R",
                               "QTDP:-1:10:M",
                               "QTDP:-1:10:M1,2",
                               "QTDP:-1:10:M-1,2,zz",
                               "QTDP:-1:10:X",
                               "QTDP:-1:10:X4,00",
                               "QTDP:-1:10:X1,zz",
                               "QTDP:-1:10:R1--",
                               "QTDP:-1:10:L",
                               "QTDPsrc:1:10",
                               "QTDPsrc:1:10:at:0:1:7",
                               "QTDPsrc:1:10::0:1:77",
                               "QTDPsrc:1:10:c$d:0:1:77",
                               "QTDV:1",
                               "QTDV:1:2:0:7",
                               "QTDV:1:2:0:zz",
                               "QTro:1",
                               "QTro:1,2:",
                               "QTEnable:1",
                               "QTDisable:1:2:3",
                               "QTDisconnected:2",
                               "QTBuffer:size:",
                               "QTBuffer:circular:7",
                               "QTBuffer:colour:1",
                               "QTNotes",
                               "QTNotes:user:7",
                               "QTFrame",
                               "QTFrame:",
                               "QTFrame:range:1",
                               "QTFrame:pc:",
                               "QTFrame:tdp:x",
                               "QTFrame:1:2",
                               "qTP:1",
                               "qTV:",
                               "qTBuffer:1",
                               "qTBuffer:1,2,3"}) {
        EXPECT_THAT(send(packet), StartsWith("E")) << packet;
        EXPECT_EQ(session_->last_error(), "malformed packet") << packet;
    }
    EXPECT_THAT(traces_.log, SizeIs(0));
}

TEST_F(Tracing, WhatNeedsCodeInTheGuestIsRefusedInWords) {
    EXPECT_THAT(send("QTDP:1:10:E:0:0:F5"), HasSubstr("use `trace`"));
    EXPECT_THAT(send("QTDP:1:10:E:0:0:S"), HasSubstr("use `trace`"));
    EXPECT_THAT(send("QTSave:2f746d70"), HasSubstr("tsave"));
    EXPECT_THAT(traces_.log, SizeIs(0));
}

TEST_F(Tracing, WhatTheTargetRefusesIsSaidInWords) {
    traces_.error = TargetError{TargetError::Code::NoSpace, "too much"};
    for (const char* packet :
         {"QTDP:1:10:E:0:0", "QTDP:-1:10:R1", "QTDPsrc:1:10:at:0:1:77", "QTDV:1:2:0:77", "QTStart",
          "QTBuffer:size:ffffffffffffffff", "QTBuffer:circular:1", "QTEnable:1:10", "QTDisable:1:10"})
        EXPECT_EQ(send(packet), "E.too much") << packet;
}

TEST_F(Tracing, ASettingReachesTheTarget) {
    EXPECT_EQ(send("QTBuffer:circular:1"), "OK");
    EXPECT_TRUE(traces_.now.circular);
    EXPECT_EQ(send("QTBuffer:size:100000"), "OK");
    EXPECT_EQ(traces_.size, 0x100000U);
    EXPECT_EQ(send("QTBuffer:size:-1"), "OK");
    EXPECT_EQ(traces_.size, std::nullopt);
    EXPECT_EQ(send("QTDisconnected:1"), "OK");
    EXPECT_TRUE(traces_.now.disconnected);
    EXPECT_EQ(send("QTNotes:user:6d65;notes:6869;colour:00;"), "OK");
    EXPECT_EQ(traces_.now.notes.user, "6d65");
    EXPECT_EQ(traces_.now.notes.notes, "6869");
    EXPECT_EQ(send("QTEnable:1:401122"), "OK");
    EXPECT_EQ(send("QTDisable:1:401122"), "OK");
    EXPECT_EQ(send("QTStart"), "OK");
    EXPECT_EQ(send("QTStop"), "OK");
    EXPECT_THAT(traces_.log, ElementsAre("enable 1", "disable 1", "start 1", "stop"));
}

// ---- Status and uploads

TEST_F(Tracing, TheStatusSaysIfItRunsAndWhyItEnded) {
    traces_.now.size = traces_.now.free = 0x500000;
    EXPECT_EQ(send("qTStatus"),
              "T0;tnotrun:0;tframes:0;tcreated:0;tfree:500000;tsize:500000;circular:0;disconn:0");
    traces_.now.running = traces_.now.circular = traces_.now.disconnected = true;
    traces_.now.frames = 10;
    traces_.now.created = 30;
    traces_.now.started = 0x1234;
    traces_.now.notes = {"6d65", "6869", {}};
    EXPECT_EQ(
        send("qTStatus"),
        "T1;tnotrun:0;tframes:a;tcreated:1e;tfree:500000;tsize:500000;circular:1;disconn:1;starttime:1234;"
        "username:6d65;notes:6869");
    traces_.now = {};
    traces_.now.tracepoint = 0x12;
    traces_.now.error = "oh";
    const auto reason = [&](TraceEnd end) {
        traces_.now.end = end;
        const std::string text = send("qTStatus");
        return text.substr(3, text.find(";tframes") - 3);
    };
    EXPECT_EQ(reason(TraceEnd::Stopped), "tstop::0");
    EXPECT_EQ(reason(TraceEnd::Full), "tfull:0");
    EXPECT_EQ(reason(TraceEnd::PassCount), "tpasscount:12");
    EXPECT_EQ(reason(TraceEnd::Error), "terror:6f68:12");
    EXPECT_EQ(reason(TraceEnd::Disconnected), "tdisconnected:0");
}

TEST_F(Tracing, ATracepointsUseAndAVariablesValueAreTold) {
    EXPECT_EQ(send("qTP:1:401122"), "V3:40");
    EXPECT_THAT(send("qTP:9:401122"), StartsWith("E"));
    EXPECT_EQ(send("qTV:1"), "V2a");
    EXPECT_EQ(send("qTV:2"), "U");
}

TEST_F(Tracing, DefinitionsAreGivenBack) {
    send("QTDP:1:401122:E:a:3:X3,220127-");
    send("QTDP:-1:401122:R1-");
    send("QTDP:-1:401122:SR1");
    send("QTDPsrc:1:401122:at:0:3:666f6f");
    send("QTDP:2:500000:D:0:0");
    EXPECT_EQ(send("qTfP"), "T1:401122:E:a:3:X3,220127");
    EXPECT_EQ(send("qTsP"), "A1:401122:R1");
    EXPECT_EQ(send("qTsP"), "S1:401122:R1");
    EXPECT_EQ(send("qTsP"), "Z1:401122:at:0:3:666f6f");
    EXPECT_EQ(send("qTsP"), "T2:500000:D:0:0");
    EXPECT_EQ(send("qTsP"), "l");
    EXPECT_EQ(send("qTsP"), "l");
    EXPECT_EQ(send("QTDV:3:ffffffffffffffff:0:666f6f"), "OK");
    EXPECT_EQ(send("QTDV:4:2d:0:626172"), "OK");
    EXPECT_EQ(send("qTfV"), "4:2d:0:626172");
    EXPECT_EQ(send("qTsV"), "3:ffffffffffffffff:0:666f6f");
    EXPECT_EQ(send("qTsV"), "l");
}

// ---- Frames

TEST_F(Tracing, FramesAreFound) {
    make_frames();
    EXPECT_EQ(send("QTFrame:0"), "F0T2");
    EXPECT_EQ(send("QTFrame:2"), "F-1");
    EXPECT_EQ(send("QTFrame:pc:5000"), "F1T1");
    EXPECT_EQ(send("QTFrame:pc:5000"), "F-1");  // it searches after the selected one
    EXPECT_EQ(send("QTFrame:ffffffff"), "F-1");
    EXPECT_EQ(send("QTFrame:tdp:2"), "F0T2");
    EXPECT_EQ(send("QTFrame:range:4000:5000"), "F1T1");
    EXPECT_EQ(send("QTFrame:ffffffff"), "F-1");
    EXPECT_EQ(send("QTFrame:outside:1000:2000"), "F1T1");
}

TEST_F(Tracing, ASelectedFrameAnswersForTheTarget) {
    make_frames();
    target_.poke(0x1000, "live");
    target_.poke(0x2000, "text");
    EXPECT_EQ(send("QTFrame:0"), "F0T2");
    EXPECT_EQ(send("m1000,4"), "01020304");
    EXPECT_EQ(send("m1000,8"), "01020304");
    EXPECT_EQ(send("x1000,4"), "b\x01\x02\x03\x04"s);
    EXPECT_EQ(send("m2000,4"), "E0e");
    EXPECT_EQ(session_->last_error(), "this memory was not collected");
    EXPECT_EQ(send("qTV:7"), "V99");
    EXPECT_EQ(send("qTV:1"), "U");
    const std::string block = send("g");
    EXPECT_EQ(block.substr(FakeTarget::kPc * 16), "2211000000000000xxxxxxxxxxxxxxxx");
    EXPECT_EQ(block.substr(0, FakeTarget::kPc * 16), std::string(FakeTarget::kPc * 16, 'x'));
    EXPECT_EQ(send("p3"), "xxxxxxxxxxxxxxxx");

    EXPECT_EQ(send("QTFrame:1"), "F1T1");
    EXPECT_THAT(send("m1000,4"), StartsWith("E"));
    EXPECT_EQ(send("p3"), "abababababababab");
    EXPECT_EQ(send("pffff"), "E.no such register");

    EXPECT_EQ(send("QTFrame:ffffffff"), "F-1");
    EXPECT_EQ(send("m1000,4"), "6c697665");
}

TEST_F(Tracing, ReadOnlySectionsAreReadFromTheLiveTarget) {
    make_frames();
    target_.poke(0x2000, "text");
    EXPECT_EQ(send("QTro:2000,2003"), "OK");
    EXPECT_EQ(send("QTFrame:0"), "F0T2");
    EXPECT_EQ(send("m2000,10"), "746578");
    EXPECT_THAT(send("m2003,1"), StartsWith("E"));
    EXPECT_EQ(send("QTro"), "OK");
    EXPECT_THAT(send("m2000,1"), StartsWith("E"));
}

TEST_F(Tracing, NothingIsWrittenWhileAFrameIsSelected) {
    make_frames();
    send("QTFrame:0");
    for (const char* packet : {"M1000,1:ff", "X1000,1:a", "P3=0000000000000000"})
        EXPECT_THAT(send(packet), HasSubstr("tfind none")) << packet;
    EXPECT_THAT(send("G" + std::string(FakeTarget::kRegisters * 16, '0')), HasSubstr("tfind none"));
    EXPECT_EQ(target_.memory[0], std::byte{0});
}

TEST_F(Tracing, ResumingLeavesTheFrame) {
    make_frames();
    send("QTFrame:0");
    receive(framed("vCont;c"));
    stop_with(StoppedBySignal{});
    take_output();
    EXPECT_EQ(send("p3"), "0301000000000000");
}

TEST_F(Tracing, AFrameSaysWhatItHas) {
    make_frames();
    EXPECT_EQ(send("qXfer:traceframe-info:read::0,fff"), "E00");
    send("QTFrame:0");
    const std::string document = send("qXfer:traceframe-info:read::0,fff");
    EXPECT_THAT(document, StartsWith("l<?xml"));
    EXPECT_THAT(document, HasSubstr("<memory start=\"0x1000\" length=\"0x4\"/>"));
    EXPECT_THAT(document, HasSubstr("<tvar id=\"0x7\"/>"));
    send("QTFrame:1");
    EXPECT_THAT(send("qXfer:traceframe-info:read::0,fff"), ::testing::Not(HasSubstr("<memory")));
}

TEST_F(Tracing, TheBufferIsReadInPieces) {
    traces_.buffer = "0123456789";
    EXPECT_EQ(send("qTBuffer:0,4"), "30313233");
    EXPECT_EQ(send("qTBuffer:8,ffffffffffffffff"), "3839");
    EXPECT_EQ(send("qTBuffer:a,4"), "l");
    EXPECT_EQ(send("qTBuffer:ffffffffffffffff,4"), "l");
}

}  // namespace
}  // namespace ringside::gdbstub
