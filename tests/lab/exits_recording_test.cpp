// Hardware exits in recordings: compared with guests/exits/counts.h and with `perf kvm stat` on the same run,
// and read after the monitor was killed. Skipped where the host's KVM has no hardware exits to show.

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <map>
#include <optional>
#include <regex>
#include <string>
#include <vector>

#include "guests/exits/counts.h"
#include "tests/conformance/monitor_process.h"
#include "tests/support/patience.h"
#include "tests/support/rsp_client.h"

namespace {

using namespace guests::exits;
using ringside::conformance::guests_folder;
using ringside::conformance::ringside_program;
using testing::HasSubstr;

// The guest's own, when it has found everything right.
constexpr int kPassed = (0x10 << 1) | 1;

struct Outcome {
    int status = -1;
    std::string text;  // standard output and error
};

Outcome shell(const std::string& command) {
    Outcome outcome;
    FILE* pipe = popen((command + " 2>&1").c_str(), "r");
    if (pipe == nullptr)
        return outcome;
    std::array<char, 4096> buffer{};
    for (std::size_t got = 0; (got = fread(buffer.data(), 1, buffer.size(), pipe)) != 0;)
        outcome.text.append(buffer.data(), got);
    const int status = pclose(pipe);
    outcome.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    return outcome;
}

// A reason's name as both programs would write it: `perf` keeps the kernel's spelling ("PF excp").
std::string plain_name(std::string name) {
    for (char& c : name)
        c = c == ' ' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    return name;
}

using Counts = std::map<std::string, unsigned long>;

// The rows "  NAME   COUNT  SHARE%  ..." of `perf kvm stat report`.
Counts counts_of_perf(const std::string& report) {
    Counts counts;
    const std::regex row(R"(\n +(\S.*?) +([0-9]+) +[0-9.]+% +[0-9.]+% )");
    for (std::sregex_iterator match(report.begin(), report.end(), row), end; match != end; ++match)
        counts[plain_name((*match)[1])] = std::stoul((*match)[2]);
    return counts;
}

// What `ringside exits` says of the hardware's exits.
std::string hardware(const std::string& text) {
    return text.substr(std::min(text.find("hardware exits (tracepoint"), text.size()));
}

// The rows of the first table: by reason.
Counts counts_of_ringside(const std::string& text) {
    const std::string table = text.substr(0, text.find("\n\n"));
    Counts counts;
    const std::regex row(R"(\n(\S+) +([0-9]+) +[0-9]+\.[0-9] )");
    for (std::sregex_iterator match(table.begin(), table.end(), row), end; match != end; ++match)
        if ((*match)[1] != "total")
            counts[(*match)[1]] = std::stoul((*match)[2]);
    return counts;
}

// How often a row of a table by address was exited at.
unsigned long row_count(const std::string& text, const std::string& row) {
    std::smatch match;
    return std::regex_search(text, match, std::regex("\\n" + row + " +([0-9]+) +([0-9]+) "))
               ? std::stoul(match[2])
               : 0;
}

class HardwareRecordings : public testing::Test {
  protected:
    void SetUp() override {
        std::string name = std::filesystem::temp_directory_path() / "ringside-recording-XXXXXX";
        ASSERT_NE(mkdtemp(name.data()), nullptr);
        folder_ = name;
    }
    void TearDown() override {
        std::error_code ignored;
        std::filesystem::remove_all(folder_, ignored);
    }

    std::string file(const char* name) const { return folder_ / name; }
    std::string run_command(const std::string& kernel_options = "", const std::string& guest = "exits",
                            unsigned vcpus = 1) const {
        const std::string append = kernel_options.empty() ? "" : "--append='" + kernel_options + "'";
        return fmt::format("{} run -m 64M -c {} --serial none {} --exit-trace {} {}",
                           ringside_program().native(), vcpus, append, file("exits"),
                           (guests_folder() / guest).native());
    }
    // The tables of the recording.
    std::string tables() const {
        return shell(fmt::format("{} exits --last 500 {}", ringside_program().native(), file("exits"))).text;
    }

    // How many exits of these reasons a guest has that provokes one kind alone, from its first instruction to
    // its last.
    unsigned long exits_with(const std::string& kind, const std::vector<std::string>& reasons) const {
        const Outcome run = shell(run_command("only=" + kind));
        EXPECT_EQ(run.status, kPassed) << run.text;
        const Counts counts = counts_of_ringside(hardware(tables()));
        unsigned long sum = 0;
        for (const std::string& reason : reasons)
            if (const auto found = counts.find(reason); found != counts.end())
                sum += found->second;
        return sum;
    }
    // Of those, how many the kind itself has: entering long mode writes control registers as well.
    unsigned long provoked(const std::string& kind, const std::vector<std::string>& reasons) const {
        return exits_with(kind, reasons) - exits_with("nothing", reasons);
    }

    std::filesystem::path folder_;
};

// The line with which Ringside says that this host shows none; empty if it does.
std::string why_not(const std::string& text) {
    return text.find("are not seen") == std::string::npos ? "" : text.substr(0, text.find('\n'));
}

TEST_F(HardwareRecordings, AWholeRunIsCountedExactly) {
    const Outcome run = shell(run_command());
    ASSERT_EQ(run.status, kPassed) << run.text;
    const std::string text = tables();
    if (const std::string reason = why_not(text); !reason.empty())
        GTEST_SKIP() << reason;
    const std::string table = hardware(text);
    EXPECT_EQ(row_count(table, "0x0"), kCpuidVendor) << table;
    EXPECT_EQ(row_count(table, "0x40000000"), kCpuidHypervisor) << table;
    EXPECT_EQ(row_count(table, "0x1a0 +IA32_MISC_ENABLE +read +8"), kRdmsr + 1) << table;
    EXPECT_EQ(row_count(table, "0x1a0 +IA32_MISC_ENABLE +write +8"), kWrmsr) << table;
    EXPECT_EQ(row_count(table, "0xe00 +write +1"), kOut8) << table;
    EXPECT_EQ(row_count(table, "0xe20 +read +4"), kIn32) << table;
    EXPECT_EQ(counts_of_ringside(table)["WBINVD"], kWbinvd) << table;
    EXPECT_THAT(text, HasSubstr("1 hardware exit had no following entry")) << "the last one";
}

// VMX has one reason for all control registers. SVM tells them apart, and CR0 twice: a write that changes
// more than TS and MP has its own code.
TEST_F(HardwareRecordings, ControlRegisterWritesAreCountedExactly) {
    ASSERT_EQ(shell(run_command("only=nothing")).status, kPassed);
    const std::string text = tables();
    if (const std::string reason = why_not(text); !reason.empty())
        GTEST_SKIP() << reason;
    EXPECT_EQ(provoked("cr0", {"CR_ACCESS", "WRITE_CR0", "CR0_SEL_WRITE"}), kCr0Writes);
    EXPECT_EQ(provoked("cr4", {"CR_ACCESS", "WRITE_CR4"}), kCr4Writes);
}

// The oracle: another program, which reads the same tracepoints in the same run.
class PerfCountsAsMany : public HardwareRecordings {
  protected:
    void compare(const std::string& command) const {
        if (shell("perf --version").status != 0)
            GTEST_SKIP() << "perf is not here";
        const Outcome run =
            shell(fmt::format("perf kvm stat record -o {} -- {}", file("perf.data"), command));
        const std::string text = tables();
        if (const std::string reason = why_not(text); !reason.empty())
            GTEST_SKIP() << reason;
        const Outcome report = shell(fmt::format("perf kvm -i {} stat report", file("perf.data")));
        const Counts perf = counts_of_perf(report.text);
        ASSERT_GT(perf.size(), 5U) << run.text << report.text;
        EXPECT_EQ(counts_of_ringside(hardware(text)), perf) << text << report.text;
    }
};

TEST_F(PerfCountsAsMany, OfEveryKind) {
    compare(run_command());
}

TEST_F(PerfCountsAsMany, OfTwoVcpus) {
    compare(run_command("cpus=2 rounds=5", "smp", 2));
}

TEST_F(HardwareRecordings, AKilledMonitorLeavesThemBehind) {
    std::string before;
    {
        const ringside::conformance::MonitorProcess process(
            {guests_folder() / "exits", "", 1, {"--exit-trace", file("exits")}});
        ringside::testing::RspClient client(process.socket());
        // "exits catch wbinvd": where the guest has provoked nearly every kind
        ASSERT_EQ(client.ask("qRcmd,6578697473206361746368207762696e7664").front(), 'O');
        if (const std::string reason = why_not(tables()); !reason.empty())
            GTEST_SKIP() << reason;
        EXPECT_EQ(client.receive(), "OK");
        EXPECT_EQ(client.resume("vCont;c").substr(0, 3), "T05");
        // Its threads write beside the guest: what they have is on disk some time later.
        const auto patience = ringside::testing::patience(std::chrono::seconds(60));
        const auto deadline = std::chrono::steady_clock::now() + patience;
        while (row_count(hardware(before = tables()), "0x40000000") != kCpuidHypervisor)
            ASSERT_LT(std::chrono::steady_clock::now(), deadline) << before;
    }  // SIGKILL
    const std::string after = tables();
    EXPECT_THAT(after, HasSubstr("its writer was killed"));
    EXPECT_EQ(row_count(hardware(after), "0x0"), kCpuidVendor) << after;
    EXPECT_EQ(row_count(hardware(after), "0x40000000"), kCpuidHypervisor) << after;
}

TEST_F(HardwareRecordings, PicturesHaveBothTiers) {
    ASSERT_EQ(shell(run_command()).status, kPassed);
    const std::string text = tables();
    if (const std::string reason = why_not(text); !reason.empty())
        GTEST_SKIP() << reason;
    ASSERT_EQ(shell(fmt::format("{} exits --csv {} --chrome {} {}", ringside_program().native(), file("csv"),
                                file("json"), file("exits")))
                  .status,
              0);
    unsigned long exits = 0;
    for (const auto& [name, count] : counts_of_ringside(hardware(text)))
        exits += count;
    const auto lines = [this](const char* name, const char* pattern) {
        return std::stoul(shell(fmt::format("grep -c '{}' {}", pattern, file(name))).text);
    };
    EXPECT_EQ(lines("csv", "^hardware,"), exits);
    EXPECT_EQ(lines("json", "\"tid\":2.*\"cat\":\"exit\""), exits);
    EXPECT_EQ(lines("json", "vCPU 0: hardware exits"), 1U);
}

}  // namespace
