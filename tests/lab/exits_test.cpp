// Hardware exits, counted and caught: for a host whose KVM drives VMX or SVM and lets its tracepoints be
// read. Skipped elsewhere.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cctype>
#include <filesystem>
#include <fstream>
#include <regex>
#include <string>
#include <vector>

#include "guests/exits/counts.h"
#include "tests/conformance/monitor_process.h"
#include "tests/support/rsp_client.h"

namespace {

using namespace guests::exits;
using testing::ContainsRegex;
using testing::HasSubstr;

std::string from_hex(std::string_view hex) {
    std::string text;
    for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
        text += static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
    return text;
}

std::string to_hex(std::string_view text) {
    constexpr const char* kDigits = "0123456789abcdef";
    std::string hex;
    for (const char c : text) {
        hex += kDigits[static_cast<unsigned char>(c) >> 4];
        hex += kDigits[static_cast<unsigned char>(c) & 15];
    }
    return hex;
}

// One guest and its debugger.
class Session {
  public:
    explicit Session(const std::string& command_line = "")
        : process_({ringside::conformance::guests_folder() / "exits", command_line, 1}) {}

    // What a monitor command prints.
    std::string monitor(const std::string& line) {
        std::string reply(client_.ask("qRcmd," + to_hex(line)));
        return console(reply);
    }

    // Lets the guest run, and returns what the stop is announced with.
    std::string run() {
        std::string reply(client_.ask("vCont;c"));
        std::string said = console(reply);
        EXPECT_EQ(reply.substr(0, 3), "T05") << said;
        return said;
    }

    // The sum over reasons that this processor has.
    unsigned long count(const std::vector<std::string>& reasons) {
        unsigned long sum = 0;
        for (const std::string& reason : reasons)
            if (const std::string text = monitor("exits count " + reason); std::isdigit(text.front()) != 0)
                sum += std::stoul(text);
        return sum;
    }

  private:
    // Collects console output up to the reply after it, which is left in `reply`.
    std::string console(std::string& reply) {
        std::string text;
        while (reply.starts_with('O') && reply != "OK") {
            text += from_hex(std::string_view(reply).substr(1));
            reply = client_.receive();
        }
        return text;
    }

    ringside::conformance::MonitorProcess process_;
    ringside::testing::RspClient client_{process_.socket()};
};

class HardwareExits : public testing::Test {
  protected:
    void SetUp() override {
        const std::string exits = monitor("exits");
        if (exits.find("not seen") != std::string::npos)
            GTEST_SKIP() << exits;
    }

    std::string monitor(const std::string& line) { return session_.monitor(line); }
    std::string run() { return session_.run(); }

    // To where every kind but the last has been provoked: WBINVD leaves the guest on every processor.
    void run_nearly_to_the_end() {
        ASSERT_THAT(monitor("exits catch wbinvd count " + std::to_string(kWbinvd)), HasSubstr("Rule"));
        run();
        ASSERT_THAT(monitor("exits uncatch"), HasSubstr("no exit"));
    }

    Session session_;
};

// The hardware's part of a command's output.
std::string hardware(const std::string& text) {
    return text.substr(std::min(text.find("hardware exits"), text.size()));
}

// The count of the row that begins so; columns are apart by blanks.
unsigned row_count(const std::string& table, const std::string& row) {
    std::smatch match;
    if (!std::regex_search(table, match, std::regex("\\n" + row + " +([0-9]+) +([0-9]+) ")))
        return 0;
    return static_cast<unsigned>(std::stoul(match[2]));
}

TEST_F(HardwareExits, CpuidLeavesAreCountedExactly) {
    run_nearly_to_the_end();
    const std::string table = hardware(monitor("exits cpuid"));
    EXPECT_EQ(row_count(table, "0x0"), kCpuidVendor) << table;
    EXPECT_EQ(row_count(table, "0x40000000"), kCpuidHypervisor) << table;
}

TEST_F(HardwareExits, MsrsAreCountedExactlyByDirection) {
    run_nearly_to_the_end();
    const std::string table = hardware(monitor("exits msr"));
    // `wrmsr` reads the register once to know what to write.
    EXPECT_EQ(row_count(table, "0x1a0 +IA32_MISC_ENABLE +read +8"), kRdmsr + 1) << table;
    EXPECT_EQ(row_count(table, "0x1a0 +IA32_MISC_ENABLE +write +8"), kWrmsr) << table;
}

TEST_F(HardwareExits, WbinvdIsCountedExactly) {
    run_nearly_to_the_end();
    EXPECT_EQ(session_.count({"WBINVD"}), kWbinvd - 1) << "the last has not been entered after";
}

// KVM's own counter is the second opinion: it counts every entry that ended, in the same run.
TEST_F(HardwareExits, KvmCountsAsMany) {
    run_nearly_to_the_end();
    const std::string statistics = monitor("exits stats");
    std::smatch match;
    ASSERT_TRUE(std::regex_search(statistics, match, std::regex("\\nexits +total +([0-9]+)"))) << statistics;
    const auto kvm = std::stoul(match[1]);
    const std::string table = hardware(monitor("exits"));
    ASSERT_TRUE(std::regex_search(table, match, std::regex("\\ntotal +([0-9]+)"))) << table;
    // The exit that the guest is stopped at has no entry after it yet.
    EXPECT_EQ(std::stoul(match[1]) + 1, kvm) << table << statistics;
}

TEST_F(HardwareExits, CatchesCpuidInItsFunction) {
    ASSERT_THAT(monitor("exits catch cpuid"), HasSubstr("Rule 1"));
    EXPECT_THAT(run(), ContainsRegex("rule 1 .cpuid., hit 1: CPUID.*in provoke_cpuid_vendor"));
}

TEST_F(HardwareExits, CatchesOneCpuidLeaf) {
    ASSERT_THAT(monitor("exits catch cpuid leaf==0x40000000 count 7"), HasSubstr("Rule 1"));
    EXPECT_THAT(run(), ContainsRegex("hit 7: CPUID.*in provoke_cpuid_hypervisor"));
}

TEST_F(HardwareExits, CatchesOneMsr) {
    ASSERT_THAT(monitor("exits catch msr 0x1a0 write"), HasSubstr("Rule 1"));
    EXPECT_THAT(run(), HasSubstr("in provoke_wrmsr"));
}

TEST_F(HardwareExits, CatchesAFirstTouchOfMemory) {
    ASSERT_THAT(monitor("exits catch ept if gpa in 0x1000000..0x1002fff"), HasSubstr("Rule 1"));
    EXPECT_THAT(run(), HasSubstr("in provoke_fresh_pages"));
}

TEST_F(HardwareExits, CatchesAControlRegister) {
    ASSERT_THAT(monitor("exits catch cr4 write count 2"), HasSubstr("Rule 1"));
    EXPECT_THAT(run(), HasSubstr("hit 2"));
}

TEST_F(HardwareExits, LastExitsHaveTheirQualification) {
    run_nearly_to_the_end();
    EXPECT_THAT(hardware(monitor("exits last 200")), HasSubstr("out 0x3f8, 1 byte"));
}

TEST_F(HardwareExits, ALiveMachineExportsThemToo) {
    run_nearly_to_the_end();
    const std::filesystem::path file =
        std::filesystem::temp_directory_path() / ("ringside-export-" + std::to_string(getpid()) + ".csv");
    ASSERT_THAT(monitor("exits export csv " + file.native()), HasSubstr("written"));
    std::ifstream lines(file);
    unsigned cpuids = 0;
    for (std::string line; std::getline(lines, line);)
        cpuids += line.starts_with("hardware,0,") && line.find(",CPUID,") != std::string::npos ? 1 : 0;
    std::filesystem::remove(file);
    EXPECT_EQ(cpuids, session_.count({"CPUID"}));
}

}  // namespace
