#include "vmm/exits/report/exporters.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/unit/vmm/exits/record/exit_builders.h"
#include "vmm/exits/hardware/hardware_exits.h"
#include "vmm/exits/record/recorder.h"

namespace ringside::exits {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

const KvmReasons kReasons;
// A path that would break out of a JSON string or of a script element.
constexpr const char* kEvilKernel = "a\"b</script><script>alert(1)</script>\xff.elf";

Source source() {
    return userspace_source(kReasons, TickRate{});
}

Names names() {
    Names names;
    names.symbol = [](std::uint64_t rip) { return std::string(rip == 0x1000 ? "putc+0x4" : ""); };
    return names;
}

// Two exits on vCPU 0, one on vCPU 1; time zero is 1000 ticks, a tick is 2 ns.
Recording example() {
    VcpuRecorder first;
    ExitRecord out = access(kIo, Direction::Write, 1, 0x3f8, 2000, 500, 100);
    out.rip = 0x1000;
    out.value = 0x41;
    first.record(out);
    first.record(access(kHlt, Direction::None, 0, 0, 3000, 500, 100));
    VcpuRecorder second;
    second.record(access(kMmio, Direction::Read, 4, 0xd0000000, 500, 100, 100));
    return make_recording({kEvilKernel, "2026-01-01T00:00:00Z", 1000}, TickRate{2.0},
                          {first.snapshot(), second.snapshot()});
}

std::string chrome(TierViews tiers) {
    std::ostringstream out;
    write_chrome_trace(out, tiers, {"a note"});
    return out.str();
}

std::string chrome(const Recording& recording) {
    const Source userspace = source();
    const Names words = names();
    return chrome(std::array{TierView{recording, userspace, words}});
}

const TracepointReasons kSvmReasons(HardwareDescription{x86::VirtualizationKind::Svm, {{0x400, "NPF"}}});

// One nested page fault of vCPU 0, whose clock counts nanoseconds from another origin.
Recording hardware_example() {
    HardwareRecord fault;
    fault.record = access(0x400, Direction::Write, 0, 0xd0000000, 70000, 500, 250);
    fault.record.rip = 0x1000;
    fault.exit = {x86::VirtualizationKind::Svm, 0x400, 0x100000006, 0xd0000000};
    VcpuRecorder recorder;
    recorder.record(fault.record);
    Recording recording = make_recording({kEvilKernel, "", 68000}, TickRate{}, {recorder.snapshot()});
    recording.vcpus[0].hardware = {fault.exit};
    recording.vcpus[0].lost = 5;
    return recording;
}

// What makes the two recordings one run's.
struct BothTiers {
    Recording userspace = example();
    Recording hardware = hardware_example();
    Source userspace_words = source();
    Source hardware_words = hardware_source(kSvmReasons);
    Names symbols = names();
    std::array<TierView, 2> views{TierView{userspace, userspace_words, symbols},
                                  TierView{hardware, hardware_words, symbols}};
};

TEST(ChromeTrace, OneTrackForEachVcpuWithGuestAndExitSlices) {
    const auto trace = nlohmann::json::parse(chrome(example()));
    std::vector<nlohmann::json> slices;
    std::vector<std::string> tracks;
    for (const auto& event : trace.at("traceEvents")) {
        if (event.at("ph") == "X")
            slices.push_back(event);
        else if (event.at("name") == "thread_name")
            tracks.push_back(event.at("args").at("name"));
    }
    EXPECT_THAT(tracks, testing::ElementsAre("vCPU 0", "vCPU 1"));
    ASSERT_EQ(slices.size(), 6U);
    EXPECT_EQ(slices[0].at("cat"), "guest");
    EXPECT_DOUBLE_EQ(slices[0].at("ts"), 2.0);  // microseconds
    EXPECT_DOUBLE_EQ(slices[0].at("dur"), 1.0);
    EXPECT_EQ(slices[1].at("name"), "IO");
    EXPECT_EQ(slices[1].at("tid"), 1);
    EXPECT_DOUBLE_EQ(slices[1].at("ts"), 3.0);
    EXPECT_DOUBLE_EQ(slices[1].at("dur"), 0.2);
    EXPECT_EQ(slices[1].at("args").at("detail"), "write 1 byte to port 0x3f8: 0x41");
    EXPECT_EQ(slices[1].at("args").at("symbol"), "putc+0x4");
    EXPECT_EQ(slices[5].at("name"), "MMIO");
    EXPECT_DOUBLE_EQ(slices[5].at("ts"), 0.0) << "before the recording's origin";
}

TEST(ChromeTrace, WithoutExitsIsStillATrace) {
    const auto trace = nlohmann::json::parse(chrome(Recording{}));
    EXPECT_EQ(trace.at("traceEvents").size(), 1U);
}

TEST(ChromeTrace, TiersOfAVcpuAreNeighboursOnOneTimeLine) {
    const BothTiers both;
    const auto trace = nlohmann::json::parse(chrome(both.views));
    std::map<int, std::string> tracks;
    nlohmann::json fault;
    for (const auto& event : trace.at("traceEvents")) {
        if (event.at("name") == "thread_name")
            tracks[event.at("tid")] = event.at("args").at("name");
        if (event.at("name") == "NPF")
            fault = event;
    }
    EXPECT_THAT(tracks, testing::ElementsAre(testing::Pair(1, "vCPU 0: userspace exits (KVM_EXIT_*)"),
                                             testing::Pair(2, HasSubstr("vCPU 0: hardware exits")),
                                             testing::Pair(3, HasSubstr("vCPU 1: userspace exits"))));
    EXPECT_EQ(fault.at("tid"), 2);
    EXPECT_DOUBLE_EQ(fault.at("ts"), 2.5);
    EXPECT_DOUBLE_EQ(fault.at("dur"), 0.25);
    EXPECT_EQ(fault.at("args").at("detail"), "write, gpa 0xd0000000, page not present");
    EXPECT_THAT(trace.at("otherData").at("losses"), HasSubstr("a note; "));
    EXPECT_THAT(trace.at("otherData").at("losses"), HasSubstr("5 of the kernel's events were lost"));
}

std::string csv(TierViews tiers) {
    std::ostringstream out;
    write_csv(out, tiers);
    return out.str();
}

TEST(Csv, OneLineForEachExit) {
    const BothTiers both;
    EXPECT_EQ(csv(both.views),
              "tier,vcpu,entered_ns,exited_ns,handled_ns,reason,access,size,count,address,value,detail,rip,"
              "symbol\r\n"
              "userspace,0,2000,3000,3200,IO,write,1,1,0x3f8,0x41,write 1 byte to port 0x3f8: "
              "0x41,0x1000,putc+0x4\r\n"
              "userspace,0,4000,5000,5200,HLT,,,1,,,,,\r\n"
              "userspace,1,0,0,0,MMIO,read,4,1,0xd0000000,0x0,read 4 bytes from gpa 0xd0000000: 0x0,,\r\n"
              "hardware,0,2000,2500,2750,NPF,write,0,1,0xd0000000,0x0,"
              "\"write, gpa 0xd0000000, page not present\",0x1000,putc+0x4\r\n");
}

std::string report(TierViews tiers, std::size_t limit = 100) {
    std::ostringstream out;
    write_html_report(out, tiers, {"a note"}, limit);
    return out.str();
}

std::string report(const Recording& recording, std::size_t limit = 100) {
    const Source userspace = source();
    const Names words = names();
    return report(std::array{TierView{recording, userspace, words}}, limit);
}

nlohmann::json data_of(const std::string& page) {
    const std::string open = "<script id=\"data\" type=\"application/json\">";
    const std::size_t start = page.find(open) + open.size();
    return nlohmann::json::parse(page.substr(start, page.find("</script>", start) - start));
}

TEST(HtmlReport, IsSelfContained) {
    const std::string page = report(example());
    EXPECT_THAT(page, StartsWith("<!DOCTYPE html>"));
    for (const char* forbidden :
         {"http:", "https:", " src=", "<link", "@import", "fetch(", "/*REPORT_", "RINGSIDE_DATA"})
        EXPECT_THAT(page, Not(HasSubstr(forbidden)));
    EXPECT_THAT(page, HasSubstr("prefers-color-scheme: dark"));
}

TEST(HtmlReport, NothingBreaksOutOfTheData) {
    const std::string page = report(example());
    EXPECT_THAT(page, Not(HasSubstr("<script>alert")));
    EXPECT_THAT(data_of(page).at("kernel"), HasSubstr("</script>"));
}

TEST(HtmlReport, ItsNumbersAreTheTables) {
    const Recording recording = example();
    const auto data = data_of(report(recording));
    ASSERT_EQ(data.at("tiers").size(), 1U);
    const auto& views = data.at("tiers")[0].at("views");
    const auto& timelines = data.at("tiers")[0].at("timelines");
    ASSERT_EQ(views.size(), 3U);
    EXPECT_EQ(views[0].at("statistics").at("recorded"), 3);
    const VcpuStatistics total =
        sum(std::array{recording.vcpus[0].statistics, recording.vcpus[1].statistics});
    EXPECT_EQ(views[0].at("statistics").at("reasons").at("rows"), summary_table(total, source()).rows);
    EXPECT_EQ(views[2].at("statistics").at("reasons").at("rows"),
              summary_table(recording.vcpus[1].statistics, source()).rows);
    EXPECT_EQ(timelines[0].at("at"), (std::vector<int>{3000, 5000}));
    EXPECT_EQ(timelines[0].at("after"), (std::vector<int>{200, 200}));
    EXPECT_EQ(data.at("notes"), std::vector<std::string>{"a note"});
}

TEST(HtmlReport, HardwareExitsHaveTheirOwnTablesAndLane) {
    const BothTiers both;
    const auto data = data_of(report(both.views));
    ASSERT_EQ(data.at("tiers").size(), 2U);
    const auto& hardware = data.at("tiers")[1];
    EXPECT_EQ(hardware.at("name"), "hardware");
    EXPECT_EQ(hardware.at("views")[0].at("statistics").at("reasons").at("rows"),
              summary_table(both.hardware.vcpus[0].statistics, both.hardware_words).rows);
    EXPECT_EQ(hardware.at("timelines")[0].at("at"), std::vector<int>{2500});
    const std::size_t detail = hardware.at("timelines")[0].at("detail")[0];
    EXPECT_EQ(data.at("strings")[detail], "write, gpa 0xd0000000, page not present, at putc+0x4");
    EXPECT_THAT(std::string(hardware.at("losses")[0]), HasSubstr("5 of the kernel's events were lost"));
}

TEST(HtmlReport, ALongTimelineKeepsTheNewestAndSaysHowManyThereWere) {
    const auto data = data_of(report(example(), 1));
    const auto& timelines = data.at("tiers")[0].at("timelines");
    EXPECT_EQ(timelines[0].at("at"), std::vector<int>{5000});
    EXPECT_EQ(timelines[0].at("total"), 2);
}

}  // namespace
}  // namespace ringside::exits
