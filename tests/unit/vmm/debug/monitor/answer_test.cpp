#include "vmm/debug/monitor/answer.h"

#include <gtest/gtest.h>

#include "vmm/debug/monitor/arguments.h"

namespace ringside::debug {
namespace {

Answer an_answer() {
    Answer answer;
    answer.headline("a chip")
        .value("base", hex(0x1f))
        .value("long name", flag(true, "yes", "no"))
        .table("pins", {"pin", "Mode"}, {{number(1), words("edge")}, {number(20), words("level")}})
        .note("That is all.")
        .note("");
    return answer;
}

TEST(Answer, IsTextForPeople) {
    EXPECT_EQ(an_answer().text(),
              "a chip\n  base       0x1f\n  long name  yes\npins:\n  pin  Mode\n  1    edge\n  20   level\n"
              "That is all.\n");
}

TEST(Answer, IsJsonForScripts) {
    EXPECT_EQ(an_answer().json(),
              R"({"base":31,"long_name":true,"pins":[{"pin":1,"mode":"edge"},{"pin":20,"mode":"level"}],)"
              R"("notes":["That is all."]})"
              "\n");
}

TEST(Answer, ATableWithoutRowsSaysSo) {
    EXPECT_EQ(Answer().table("pins", {"pin"}, {}).text(), "pins: none\n");
    EXPECT_EQ(Answer().table("pins", {"pin"}, {}).json(), "{\"pins\":[]}\n");
}

TEST(Answer, RecordsAreForScriptsAlone) {
    Answer answer;
    answer.headline("[0.1] hello").records("records", {"time"}, {{number(1)}});
    EXPECT_EQ(answer.text(), "[0.1] hello\n");
    EXPECT_EQ(answer.json(), "{\"records\":[{\"time\":1}]}\n");
}

TEST(Answer, TextThatIsNotUtf8StaysJson) {
    EXPECT_NO_THROW((void)Answer().value("name", words("\xff\xfe")).json());
}

TEST(Arguments, WordsVcpuAndForm) {
    const auto arguments = parse_arguments(" 0x10  vcpu 2 --json x ", VcpuIndex{0}, 4, 2).value();
    EXPECT_EQ(arguments.words, (std::vector<std::string_view>{"0x10", "x"}));
    EXPECT_EQ(arguments.vcpu, VcpuIndex{2});
    EXPECT_TRUE(arguments.json);
    EXPECT_EQ(parse_arguments("", VcpuIndex{1}, 4, 0).value().vcpu, VcpuIndex{1});
}

TEST(Arguments, RefusesWhatItCannotUse) {
    EXPECT_FALSE(parse_arguments("vcpu", VcpuIndex{0}, 4, 0));
    EXPECT_FALSE(parse_arguments("vcpu 4", VcpuIndex{0}, 4, 0));
    EXPECT_FALSE(parse_arguments("vcpu -1", VcpuIndex{0}, 4, 0));
    EXPECT_EQ(parse_arguments("a b", VcpuIndex{0}, 4, 1).error().message(),
              "arguments: \"b\" is one too many");
}

}  // namespace
}  // namespace ringside::debug
