#include "vmm/cli/lab_host.h"

#include <fstream>
#include <initializer_list>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "vmm/cli/exit_status.h"

namespace ringside::cli {
namespace {

using ::testing::HasSubstr;
using Json = nlohmann::json;

ParsedCommandLine parse(std::initializer_list<std::string> words) {
    std::vector<std::string> given{"ringside"};
    given.insert(given.end(), words);
    std::vector<char*> arguments;
    arguments.reserve(given.size());
    for (std::string& word : given)
        arguments.push_back(word.data());
    return parse_command_line(static_cast<int>(arguments.size()), arguments.data());
}

Json handed_over(std::initializer_list<std::string> words) {
    const auto parsed = parse(words);
    EXPECT_TRUE(parsed.command);
    return Json::parse(handover(Host::Amd, parsed, "/bin/ringside"));
}

Json option(const std::string& name, const std::string& refers, std::vector<std::string> values) {
    const bool flag = values.empty();
    return {{"name", name}, {"refers", refers}, {"flag", flag}, {"values", std::move(values)}};
}

TEST(Handover, SaysWhatEachOptionRefersTo) {
    const Json out = handed_over({"run", "--host", "amd", "-m", "64M", "--initrd=i", "--exit-trace", "t",
                                  "--net", "passt", "--rng", "--disk", "a", "--disk=b,ro", "kernel"});
    EXPECT_EQ(out["host"], "amd");
    EXPECT_EQ(out["program"], "/bin/ringside");
    EXPECT_EQ(out["command"], "run");
    EXPECT_EQ(out["memory"], 64 << 20);
    EXPECT_THAT(out["options"],
                ::testing::UnorderedElementsAre(
                    option("--host", "host", {"amd"}), option("--memory", "nothing", {"64M"}),
                    option("--initrd", "file-read", {"i"}), option("--exit-trace", "file-written", {"t"}),
                    option("--net", "host-resource", {"passt"}), option("--rng", "nothing", {}),
                    option("--disk", "disk", {"a", "b,ro"}), option("KERNEL", "file-read", {"kernel"})));
    EXPECT_EQ(out["disks"],
              Json::parse(R"([{"path": "a", "read-only": false}, {"path": "b", "read-only": true}])"));
}

TEST(Handover, SaysWhereTheDebuggerAndTheConsolesAre) {
    const Json plain = handed_over({"run", "kernel"});
    EXPECT_FALSE(plain.contains("gdb"));
    EXPECT_EQ(plain["serial"], Json::parse(R"({"kind": "stdio", "path": ""})"));
    EXPECT_EQ(handed_over({"run", "-s", "kernel"})["gdb"], "tcp:127.0.0.1:1234");
    const Json pipe = handed_over({"run", "--gdb=stdio", "kernel"});
    EXPECT_EQ(pipe["gdb"], "stdio");
    EXPECT_EQ(pipe["serial"]["kind"], "stderr");
    EXPECT_EQ(handed_over({"run", "--serial=file:out", "kernel"})["serial"],
              Json::parse(R"({"kind": "file", "path": "out"})"));
    EXPECT_EQ(handed_over({"run", "--virtio-console=pty", "kernel"})["virtio-console"]["kind"], "pty");
}

TEST(Handover, OfGdbHasItsCommandAndItsOwnArguments) {
    const Json out = handed_over({"gdb", "kernel", "--", "-ex", "info threads"});
    EXPECT_EQ(out["command"], "gdb");
    EXPECT_EQ(out["gdb-command"], Json::parse(R"(["gdb", "-q"])"));
    EXPECT_THAT(out["options"], ::testing::Contains(option("GDB-ARGS", "gdb", {"-ex", "info threads"})));
}

TEST(Handover, OfDoctor) {
    const Json out = handed_over({"doctor", "--json"});
    EXPECT_EQ(out["command"], "doctor");
    EXPECT_EQ(out["options"], Json::array({option("--json", "nothing", {})}));
}

TEST(HostOption, TakesFourWords) {
    EXPECT_EQ(parse({"run", "--host", "other", "kernel"}).status, kBadUsage);
    const auto parsed = parse({"doctor", "--host=intel"});
    ASSERT_TRUE(parsed.command);
    EXPECT_EQ(std::get<DoctorOptions>(*parsed.command).host, Host::Intel);
    EXPECT_EQ(std::get<RunOptions>(*parse({"gdb", "kernel"}).command).host, Host::Auto);
    EXPECT_TRUE(parse({"exits", "--host=kvm", "recording"}).command);
}

TEST(FindLab, LooksInTheInstallationAndInTheSourceTree) {
    const std::filesystem::path root = std::filesystem::path(::testing::TempDir()) / "ringside_find_lab";
    const auto make = [&root](const std::filesystem::path& folder) {
        std::filesystem::create_directories(root / folder);
        std::ofstream(root / folder / "host") << "#!/bin/sh\n";
        return root / folder;
    };
    const auto installed = make("usr/share/ringside/lab");
    const auto tree = make("tree/tests/lab");
    EXPECT_EQ(find_lab(root / "usr/bin/ringside").value(), installed);
    EXPECT_EQ(find_lab(root / "tree/build/release/ringside").value(), tree);
    const auto missing = find_lab("/nowhere/bin/ringside");
    ASSERT_FALSE(missing);
    EXPECT_THAT(missing.error().message(), HasSubstr("/nowhere/bin/ringside"));
    std::filesystem::remove_all(root);
}

}  // namespace
}  // namespace ringside::cli
