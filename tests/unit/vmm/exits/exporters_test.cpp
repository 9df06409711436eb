#include "vmm/exits/exporters.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/unit/vmm/exits/exit_builders.h"
#include "vmm/exits/recorder.h"

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

std::string written(auto exporter, const Recording& recording) {
    std::ostringstream out;
    exporter(out, recording, source(), names());
    return out.str();
}

TEST(ChromeTrace, OneTrackForEachVcpuWithGuestAndExitSlices) {
    const auto trace = nlohmann::json::parse(written(write_chrome_trace, example()));
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
    EXPECT_EQ(slices[1].at("tid"), 0);
    EXPECT_DOUBLE_EQ(slices[1].at("ts"), 3.0);
    EXPECT_DOUBLE_EQ(slices[1].at("dur"), 0.2);
    EXPECT_EQ(slices[1].at("args").at("detail"), "write 1 byte to port 0x3f8: 0x41");
    EXPECT_EQ(slices[1].at("args").at("symbol"), "putc+0x4");
    EXPECT_EQ(slices[5].at("name"), "MMIO");
    EXPECT_DOUBLE_EQ(slices[5].at("ts"), 0.0) << "before the recording's origin";
}

TEST(ChromeTrace, WithoutExitsIsStillATrace) {
    const auto trace = nlohmann::json::parse(written(write_chrome_trace, Recording{}));
    EXPECT_EQ(trace.at("traceEvents").size(), 1U);
}

TEST(Csv, OneLineForEachExit) {
    EXPECT_EQ(written(write_csv, example()),
              "vcpu,entered_ns,exited_ns,handled_ns,reason,access,size,count,address,value,rip,symbol\r\n"
              "0,2000,3000,3200,IO,write,1,1,0x3f8,0x41,0x1000,putc+0x4\r\n"
              "0,4000,5000,5200,HLT,,,1,,,,\r\n"
              "1,0,0,0,MMIO,read,4,1,0xd0000000,0x0,,\r\n");
}

std::string report(const Recording& recording, std::size_t limit = 100) {
    std::ostringstream out;
    write_html_report(out, recording, source(), names(), limit);
    return out.str();
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
    ASSERT_EQ(data.at("views").size(), 3U);
    EXPECT_EQ(data.at("views")[0].at("statistics").at("recorded"), 3);
    const VcpuStatistics total =
        sum(std::array{recording.vcpus[0].statistics, recording.vcpus[1].statistics});
    EXPECT_EQ(data.at("views")[0].at("statistics").at("reasons").at("rows"),
              summary_table(total, source()).rows);
    EXPECT_EQ(data.at("views")[2].at("statistics").at("reasons").at("rows"),
              summary_table(recording.vcpus[1].statistics, source()).rows);
    EXPECT_EQ(data.at("timelines")[0].at("at"), (std::vector<int>{3000, 5000}));
    EXPECT_EQ(data.at("timelines")[0].at("after"), (std::vector<int>{200, 200}));
}

TEST(HtmlReport, ALongTimelineKeepsTheNewestAndSaysHowManyThereWere) {
    const auto data = data_of(report(example(), 1));
    EXPECT_EQ(data.at("timelines")[0].at("at"), std::vector<int>{5000});
    EXPECT_EQ(data.at("timelines")[0].at("total"), 2);
}

}  // namespace
}  // namespace ringside::exits
