#include "vmm/debug/monitor/monitor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ringside::debug {
namespace {

using ::testing::HasSubstr;

class MonitorTest : public ::testing::Test {
  protected:
    MonitorTest() {
        registry_.add({"exits", "[last N]", "the table",
                       [](auto, auto rest) { return "exits(" + std::string(rest) + ")"; }});
        registry_.add({"exits hist", "REASON", "a histogram",
                       [](auto, auto rest) { return "hist(" + std::string(rest) + ")"; }});
        registry_.add({"fatal", "", "what went wrong", [](auto, auto) { return std::string("fatal()"); }});
        MonitorCommand lapic{"lapic", "", "the local APIC",
                             [](auto, auto rest) { return "lapic(" + std::string(rest) + ")"; }};
        lapic.options = "[vcpu N]";
        registry_.add(lapic);
    }
    bool refuses(std::string_view line) { return registry_.run(gdbstub::ThreadId{1}, line).refused; }
    std::string run(std::string_view line) { return registry_.run(gdbstub::ThreadId{1}, line).text; }
    MonitorRegistry registry_;
};

TEST_F(MonitorTest, TheLongestNameWins) {
    EXPECT_EQ(run("exits"), "exits()");
    EXPECT_EQ(run("exits hist IO"), "hist(IO)");
    EXPECT_EQ(run("  exits   last 5 "), "exits(last 5)");
}

TEST_F(MonitorTest, ANameIsWholeWords) {
    EXPECT_THAT(run("exitsx"),
                HasSubstr("exitsx: there is no such monitor command. `monitor help` lists them"));
}

TEST_F(MonitorTest, AFamilysNameAloneListsTheFamily) {
    registry_.add({"inject irq", "LINE", "raises a line", [](auto, auto) { return std::string(); }});
    for (const char* line : {"inject", "inject now", "help inject now"})
        EXPECT_THAT(run(line), HasSubstr("begin with \"inject\":\nmonitor inject irq LINE")) << line;
}

TEST_F(MonitorTest, AWordThatACommandDoesNotDeclareIsRefused) {
    EXPECT_EQ(run("fatal "), "fatal()");
    EXPECT_EQ(run("fatal now and then"), "arguments: \"now\" is one too many. Usage: monitor fatal\n");
    EXPECT_EQ(run("lapic vcpu 1"), "lapic(vcpu 1)");
}

TEST_F(MonitorTest, AnAnswerKnowsIfTheCommandWasRefused) {
    registry_.add({"fails", "", "", [](auto, auto) { return failure("fails", "why", "What to do"); }});
    EXPECT_EQ(run("fails"), "fails: why. What to do\n");
    for (const char* line : {"fails", "nothing", "fatal now", "help nothing"})
        EXPECT_TRUE(refuses(line)) << line;
    for (const char* line : {"", "help", "help exits", "fatal", "exits hist IO"})
        EXPECT_FALSE(refuses(line)) << line;
}

TEST_F(MonitorTest, HelpListsEverythingAndOneTopic) {
    EXPECT_THAT(run("help"), HasSubstr("monitor exits hist REASON"));
    EXPECT_THAT(run(""), HasSubstr("monitor help"));
    EXPECT_THAT(run("help exits"), HasSubstr("a histogram"));
    EXPECT_THAT(run("help nothing"), HasSubstr("there is no such monitor command"));
}

}  // namespace
}  // namespace ringside::debug
