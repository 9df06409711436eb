#include "vmm/cli/exit_rates.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fmt/format.h>

namespace ringside::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string sample(std::uint64_t nanoseconds, std::string_view reasons, std::string_view ports = "{}") {
    return fmt::format(
        R"({{"nanoseconds":{},"tiers":[{{"name":"userspace","vcpus":[{{"reason":{},"port":{},"gpa":{{}},"rip":{{}}}}]}}]}})",
        nanoseconds, reasons, ports);
}

TEST(ExitRates, AreTheDifferenceBySeconds) {
    const auto rates =
        exit_rates(sample(1'000'000'000, R"({"IO":100,"HLT":7})", R"({"0x3f8 write":90})"),
                   sample(3'000'000'000, R"({"HLT":7,"IO":140,"MMIO":100})", R"({"0x3f8 write":130})"), 10);
    ASSERT_TRUE(rates);
    EXPECT_THAT(*rates, ElementsAre(ExitRate{"userspace", 0, "reason", "MMIO", 50},
                                    ExitRate{"userspace", 0, "reason", "IO", 20},
                                    ExitRate{"userspace", 0, "port", "0x3f8 write", 20}));
    EXPECT_EQ(rate_lines(*rates),
              "userspace 0 reason 50 MMIO\nuserspace 0 reason 20 IO\nuserspace 0 port 20 0x3f8 write\n");
    EXPECT_THAT(rate_tables(*rates), HasSubstr("vCPU 0, userspace exits\n"));
}

TEST(ExitRates, KeepTheMostFrequent) {
    const auto rates = exit_rates(sample(0, "{}"), sample(1'000'000'000, R"({"A":1,"B":3,"C":2})"), 2);
    ASSERT_TRUE(rates);
    EXPECT_THAT(*rates, ElementsAre(ExitRate{"userspace", 0, "reason", "B", 3},
                                    ExitRate{"userspace", 0, "reason", "C", 2}));
}

TEST(ExitRates, CountFromZeroAfterAReset) {
    const auto rates = exit_rates(sample(0, R"({"IO":1000})"), sample(1'000'000'000, R"({"IO":5})"), 2);
    ASSERT_TRUE(rates);
    EXPECT_THAT(*rates, ElementsAre(ExitRate{"userspace", 0, "reason", "IO", 5}));
}

TEST(ExitRates, OfATierThatHasCome) {
    const auto rates = exit_rates(R"({"nanoseconds":0,"tiers":[]})", sample(1'000'000'000, R"({"IO":5})"), 2);
    ASSERT_TRUE(rates);
    EXPECT_THAT(*rates, ElementsAre(ExitRate{"userspace", 0, "reason", "IO", 5}));
    EXPECT_EQ(rate_tables({}), "No exits.\n");
}

TEST(ExitRates, RefuseWhatAreNoCounters) {
    for (const std::string bad :
         {"", "there is no such monitor command", "[]", R"({"nanoseconds":1})",
          R"({"nanoseconds":"x","tiers":[]})", R"({"nanoseconds":1,"tiers":[{"name":"u","vcpus":[{}]}]})"})
        EXPECT_FALSE(exit_rates(sample(0, "{}"), bad, 2)) << bad;
}

}  // namespace
}  // namespace ringside::cli
