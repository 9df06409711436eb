#include "vmm/exits/report/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "tests/unit/vmm/exits/record/exit_builders.h"
#include "tests/unit/vmm/exits/temporary_directory.h"
#include "tests/unit/vmm/exits/temporary_file.h"
#include "vmm/exits/trace/trace_segments.h"

namespace ringside::exits {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

class Report : public testing::Test {
  protected:
    Report() {
        auto out = TraceSegments::create(trace_.path(), {"/nonexistent/kernel", ""}, {1, 1}, {});
        const std::vector<PackedExit> exits = {pack(access(kIo, Direction::Write, 1, 0x3f8, 100, 10, 10))};
        EXPECT_TRUE(out && out->append_exits(0, 0, {}, exits) && out->append_end());
    }
    std::string read(const char* name) const {
        std::ifstream file(directory_ / name);
        return {std::istreambuf_iterator<char>(file), {}};
    }

    TemporaryFile trace_;
    TemporaryDirectory temporary_;
    const std::filesystem::path& directory_ = temporary_.path();
};

TEST_F(Report, PrintsTheTablesEvenWithoutTheKernel) {
    const auto text = report_trace(trace_.path(), {});
    ASSERT_TRUE(text) << text.error().message();
    EXPECT_THAT(*text, HasSubstr("reason"));
    EXPECT_THAT(*text, HasSubstr("0x3f8"));
    EXPECT_THAT(*text, HasSubstr("write 1 byte to port 0x3f8"));
}

TEST_F(Report, WritesEachFormat) {
    ReportOptions options;
    options.exports = {{ExportFormat::Html, directory_ / "a.html"},
                       {ExportFormat::Chrome, directory_ / "a.json"},
                       {ExportFormat::Csv, directory_ / "a.csv"}};
    ASSERT_TRUE(report_trace(trace_.path(), options));
    EXPECT_THAT(read("a.html"), StartsWith("<!DOCTYPE html>"));
    EXPECT_THAT(read("a.json"), HasSubstr("traceEvents"));
    EXPECT_THAT(read("a.csv"), StartsWith("tier,vcpu,"));
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator(directory_), {}), 3)
        << "nothing partial is left";
}

// A run with hardware exits of an AMD host.
class ReportOfBothTiers : public Report {
  protected:
    ReportOfBothTiers() {
        auto out = TraceSegments::create(trace_.path(), {"/nonexistent/kernel", ""}, {1, 1}, {});
        RecordingInfo info{"/nonexistent/kernel", ""};
        info.hardware =
            HardwareDescription{x86::VirtualizationKind::Svm, {{0x7c, "MSR"}, {0xabc, "BRAND_NEW"}}};
        HardwareRecord msr;
        msr.record = access(0x7c, Direction::Write, 8, 0xc0000082, 100, 10, 10);
        msr.exit = {x86::VirtualizationKind::Svm, 0x7c, 1, 0};
        HardwareRecord unknown;
        unknown.record = access(0xabc, Direction::None, 0, 0, 200, 10, 10);
        unknown.exit = {x86::VirtualizationKind::Svm, 0xabc, 3, 4};
        const std::vector<PackedExit> exits = {pack(access(kIo, Direction::Write, 1, 0x3f8, 100, 10, 10))};
        const std::vector<PackedHardwareExit> hardware = {pack(msr), pack(unknown)};
        unknown.record.rip = 0x1000;
        EXPECT_TRUE(out && out->append_info(info) && out->append_exits(0, 0, {}, exits) &&
                    out->append_hardware_exits(0, 0, {0, 7, 1}, hardware) && out->append_end());
    }
};

TEST_F(ReportOfBothTiers, PrintsBothWithQualificationsAndLosses) {
    const auto text = report_trace(trace_.path(), {});
    ASSERT_TRUE(text) << text.error().message();
    EXPECT_THAT(*text, HasSubstr("userspace exits (KVM_EXIT_*)"));
    EXPECT_THAT(*text, HasSubstr("hardware exits (tracepoint kvm:kvm_exit)"));
    EXPECT_THAT(*text, HasSubstr("wrmsr 0xc0000082 IA32_LSTAR"));
    EXPECT_THAT(*text, HasSubstr("BRAND_NEW")) << "the recording's own name";
    EXPECT_THAT(*text, HasSubstr("exitinfo1 0x3, exitinfo2 0x4"));
    EXPECT_THAT(*text, HasSubstr("7 of the kernel's events were lost"));
    EXPECT_THAT(*text, HasSubstr("1 hardware exit had no following entry"));
}

TEST(ExportFormat, FollowsTheFileName) {
    EXPECT_EQ(export_format_of("run.json"), ExportFormat::Chrome);
    EXPECT_EQ(export_format_of("a/run.csv"), ExportFormat::Csv);
    EXPECT_EQ(export_format_of("run.html"), ExportFormat::Html);
    EXPECT_EQ(export_format_of("run.trace"), std::nullopt);
    EXPECT_EQ(export_format_of("json"), std::nullopt);
}

TEST_F(Report, ErrorsSayWhatToDo) {
    ReportOptions options;
    options.exports = {{ExportFormat::Csv, directory_ / "missing" / "a.csv"}};
    EXPECT_THAT(report_trace(trace_.path(), options).error().message(), HasSubstr("No such file"));
    options.exports.clear();
    options.symbols = "/nonexistent/vmlinux";
    EXPECT_THAT(report_trace(trace_.path(), options).error().message(), HasSubstr("/nonexistent/vmlinux"));
    EXPECT_FALSE(report_trace("/nonexistent.trace", {}));
}

}  // namespace
}  // namespace ringside::exits
