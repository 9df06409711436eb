#include "vmm/debug/monitor/gdb_script.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ringside::debug {
namespace {

using testing::HasSubstr;
using testing::Not;

std::string nothing(gdbstub::ThreadId, std::string_view) {
    return {};
}

TEST(GdbScript, ListsEveryCommand) {
    MonitorRegistry registry;
    registry.add({"exits last", "[N]", "the last exits", nothing});
    registry.add({"registers", "", "every register", nothing});
    const std::string script = gdb_script(registry);
    EXPECT_THAT(script, HasSubstr("    (\"exits last\", \"[N]\", \"the last exits\"),\n"));
    EXPECT_THAT(script, HasSubstr("    (\"registers\", \"\", \"every register\"),\n"));
    EXPECT_THAT(script, Not(HasSubstr("@COMMANDS@")));
}

TEST(GdbScript, QuotesAsPythonDoes) {
    MonitorRegistry registry;
    registry.add({"exits odd", "", "a \"quote\" and a \\", nothing});
    EXPECT_THAT(gdb_script(registry), HasSubstr(R"("a \"quote\" and a \\"),)"));
}

TEST(GdbScript, HasLinuxBehindTheCommands) {
    const std::string script = gdb_script(MonitorRegistry());
    const auto commands = script.find("define(\"\")\n"), linux = script.find("class LinuxSymbols");
    ASSERT_NE(linux, std::string::npos);
    EXPECT_LT(commands, linux);
}

TEST(GdbScript, IsShownWhereNoFileIsNamed) {
    MonitorRegistry registry;
    add_gdb_script_command(registry);
    EXPECT_THAT(registry.run({1}, "gdb-script").text, HasSubstr("import gdb"));
    EXPECT_THAT(registry.run({1}, "gdb-script /nonexistent/x.py").text, HasSubstr("No such file"));
}

}  // namespace
}  // namespace ringside::debug
