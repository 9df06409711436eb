#include "vmm/debug/monitor/monitor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ringside::debug {
namespace {

using ::testing::HasSubstr;

class MonitorTest : public ::testing::Test {
  protected:
    MonitorTest() {
        registry_.add(
            {"exits", "", "the table", [](auto, auto rest) { return "exits(" + std::string(rest) + ")"; }});
        registry_.add({"exits hist", "REASON", "a histogram",
                       [](auto, auto rest) { return "hist(" + std::string(rest) + ")"; }});
    }
    std::string run(std::string_view line) { return registry_.run(gdbstub::ThreadId{1}, line); }
    MonitorRegistry registry_;
};

TEST_F(MonitorTest, TheLongestNameWins) {
    EXPECT_EQ(run("exits"), "exits()");
    EXPECT_EQ(run("exits hist IO"), "hist(IO)");
    EXPECT_EQ(run("  exits   last 5 "), "exits(last 5)");
}

TEST_F(MonitorTest, ANameIsWholeWords) {
    EXPECT_THAT(run("exitsx"), HasSubstr("There is no monitor command \"exitsx\""));
}

TEST_F(MonitorTest, HelpListsEverythingAndOneTopic) {
    EXPECT_THAT(run("help"), HasSubstr("monitor exits hist REASON"));
    EXPECT_THAT(run(""), HasSubstr("monitor help"));
    EXPECT_THAT(run("help exits"), HasSubstr("a histogram"));
    EXPECT_THAT(run("help nothing"), HasSubstr("There is no monitor command"));
}

}  // namespace
}  // namespace ringside::debug
