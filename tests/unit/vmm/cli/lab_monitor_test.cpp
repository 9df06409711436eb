#include "vmm/cli/lab_monitor.h"

#include <sys/socket.h>
#include <unistd.h>

#include <fstream>
#include <functional>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ringside::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

constexpr gdbstub::ThreadId kThread{1};

// The end outside: answers each frame, and keeps what came.
class Outside {
  public:
    explicit Outside(std::string answer) : answer_(std::move(answer)) {
        int fds[2] = {};
        EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
        line_.emplace(Fd(fds[0]));
        end_ = Fd(fds[1]);
        thread_ = std::thread([this] { serve(); });
    }
    Outside(const Outside&) = delete;
    Outside& operator=(const Outside&) = delete;
    ~Outside() { finish(); }

    FileLine take_line() { return std::move(*line_); }
    // What has come. The line inside must have been closed.
    const std::string& finish() {
        line_.reset();
        if (thread_.joinable())
            thread_.join();
        return came_;
    }

  private:
    void serve() {
        char bytes[4096];
        for (ssize_t count = 0; (count = ::read(end_.get(), bytes, sizeof bytes)) > 0;) {
            came_.append(bytes, static_cast<std::size_t>(count));
            if (came_.ends_with("end\n") || came_.ends_with("cancel\n")) {
                EXPECT_EQ(::write(end_.get(), answer_.data(), answer_.size()),
                          static_cast<ssize_t>(answer_.size()));
            }
        }
    }

    std::string answer_;
    std::string came_;
    Fd end_;
    std::optional<FileLine> line_;
    std::thread thread_;
};

// Has the commands `note FILE`, which writes "text", `keep NAME [FILE]` and `plain`.
class LabMonitorTest : public ::testing::Test {
  protected:
    LabMonitorTest() {
        registry_.add({"note", "FILE", "", [](auto, std::string_view file) -> Result<std::string> {
                           if (file.empty() || file.ends_with("bad"))
                               return failure("note", "cannot be written: " + std::string(file));
                           std::ofstream(std::string(file)) << "text";
                           return "in " + std::string(file) + "\n";
                       }});
        registry_.add({"forget", "FILE", "", [](auto, auto) -> Result<std::string> { return "done\n"; }});
        registry_.add({"plain", "", "", [](auto, auto) -> Result<std::string> { return "plainly\n"; }});
        registry_.add({"gdbserver", "[ENDPOINT]", "",
                       [](auto, auto) -> Result<std::string> { return "none is served\n"; }});
    }

    // Runs a command whose file, if it writes one, is answered so. Returns what it says; `came_` is what was sent.
    gdbstub::MonitorAnswer run(std::string_view line, std::string answer = "done\n") {
        Outside outside(std::move(answer));
        gdbstub::MonitorAnswer said;
        {
            LabMonitor monitor(registry_, outside.take_line());
            said = monitor.run(kThread, line);
        }
        came_ = outside.finish();
        return said;
    }

    debug::MonitorRegistry registry_;
    std::string came_;
};

TEST_F(LabMonitorTest, AFileGoesToTheNamedPathOutside) {
    const auto said = run("note /none/here/log.txt");
    EXPECT_FALSE(said.refused);
    EXPECT_EQ(said.text, "in /none/here/log.txt\n");
    EXPECT_THAT(came_, StartsWith("file 18 4 "));
    EXPECT_THAT(came_, HasSubstr("\n/none/here/log.txtdata 0 4\ntextend\n"));
}

TEST_F(LabMonitorTest, ARelativePathIsFromTheSameFolder) {
    EXPECT_FALSE(run("  note log.txt").refused);
    EXPECT_THAT(came_, HasSubstr(std::filesystem::current_path().string() + "/log.txtdata"));
    EXPECT_FALSE(std::filesystem::exists("log.txt"));
}

TEST_F(LabMonitorTest, WhatIsWrongOutsideIsTheAnswer) {
    const auto said = run("note /none/log.txt", "No such file or directory\n");
    EXPECT_TRUE(said.refused);
    EXPECT_EQ(said.text, "write /none/log.txt: No such file or directory\n");
}

TEST_F(LabMonitorTest, AnEndThatHasGoneIsAnError) {
    const auto said = run("note /none/log.txt", std::string(5000, 'x'));
    EXPECT_TRUE(said.refused);
    EXPECT_THAT(said.text, HasSubstr("the answer is too long"));
}

TEST_F(LabMonitorTest, ARefusedCommandSendsNothing) {
    const auto said = run("note /none/bad");
    EXPECT_TRUE(said.refused);
    EXPECT_EQ(said.text, "note: cannot be written: /none/bad\n");
    EXPECT_EQ(came_, "");
    EXPECT_TRUE(run("note").refused);
    EXPECT_TRUE(run("unknown /tmp/x").refused);
    EXPECT_EQ(came_, "");
}

TEST_F(LabMonitorTest, ACommandThatLeavesNoFileHasNotSucceeded) {
    const auto said = run("forget /none/file");
    EXPECT_TRUE(said.refused);
    EXPECT_THAT(said.text, HasSubstr("/none/file: No such file or directory"));
    EXPECT_EQ(came_, "");
}

TEST_F(LabMonitorTest, OtherCommandsRunAsTheyAre) {
    EXPECT_EQ(run("plain").text, "plainly\n");
    EXPECT_EQ(run("gdbserver").text, "none is served\n");
    EXPECT_EQ(came_, "");
}

TEST_F(LabMonitorTest, NoDebuggerIsServedInsideTheMachine) {
    const auto said = run("gdbserver tcp:127.0.0.1:1234");
    EXPECT_TRUE(said.refused);
    EXPECT_THAT(said.text, HasSubstr("cannot be reached from outside"));
}

TEST(FileArgument, IsFoundAmongTheOthers) {
    const debug::MonitorCommand dump{"dump", "FILE", "", {}};
    const debug::MonitorCommand save{"snapshot save", "NAME [FILE]", "", {}};
    const debug::MonitorCommand plain{"exits", "[WORD]", "", {}};
    EXPECT_EQ(file_argument(dump, "dump  /tmp/a "), "/tmp/a");
    EXPECT_EQ(file_argument(dump, "dump vcpu 1 /tmp/a --json"), "/tmp/a");
    EXPECT_EQ(file_argument(save, "snapshot save one /tmp/a"), "/tmp/a");
    EXPECT_EQ(file_argument(save, "snapshot save one"), "");
    EXPECT_EQ(file_argument(plain, "exits /tmp/a"), "");
    EXPECT_EQ(file_argument(dump, "dump vcpu"), "");
    const debug::MonitorCommand rest{
        .name = "export", .arguments = "csv|html FILE", .help = "", .run = {}, .file_is_rest = true};
    EXPECT_EQ(file_argument(rest, "export csv  a file.csv "), "a file.csv");
    EXPECT_EQ(file_argument(rest, "export csv"), "");
}

TEST(FileLine, LeavesOutWhatIsZero) {
    const auto folder = std::filesystem::path(::testing::TempDir());
    const std::string path = folder / "sparse";
    std::ofstream file(path);
    file.seekp(1 << 20) << "end";
    file.close();
    Outside outside("done\n");
    {
        FileLine line = outside.take_line();
        EXPECT_TRUE(line.send(path, "/to"));
    }
    const std::string& came = outside.finish();
    EXPECT_THAT(came, StartsWith("file 3 1048579 "));
    EXPECT_THAT(came, HasSubstr("data 1048576 3\nend"));
    EXPECT_LT(came.size(), 100U);
    EXPECT_THAT(came, Not(HasSubstr("data 0 ")));
}

TEST(FileLine, IsRefusedWhereThereIsNoDevice) {
    EXPECT_FALSE(FileLine::open("/nonexistent"));
    Outside outside("done\n");
    {
        FileLine line = outside.take_line();
        const auto sent = line.send("/nonexistent", "/to");
        ASSERT_FALSE(sent);
        EXPECT_EQ(sent.error().message(), "write /to: No such file or directory");
    }
    EXPECT_EQ(outside.finish(), "");
}

}  // namespace
}  // namespace ringside::cli
