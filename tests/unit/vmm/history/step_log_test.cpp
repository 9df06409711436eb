#include "vmm/history/step_log.h"

#include <gtest/gtest.h>

namespace ringside::history {
namespace {

std::vector<std::byte> record(std::uint64_t number) {
    return std::vector<std::byte>(10 + number % 50, static_cast<std::byte>(number));
}

// Two of seven records are no steps.
Change change(std::uint64_t number) {
    return number % 7 < 2 ? Change::Other : Change::Step;
}

std::uint64_t steps(std::uint64_t number) {
    return number / 7 * 5 + (number % 7 < 2 ? 0 : number % 7 - 2);
}

void append(StepLog& log, std::uint64_t count) {
    for (std::uint64_t i = 0; i < count; ++i)
        log.append(record(log.end()), change(log.end()));
}

void expect_whole(const StepLog& log) {
    for (std::uint64_t n = log.begin(); n < log.end(); ++n) {
        const auto found = log.at(n);
        const auto wanted = record(n);
        ASSERT_TRUE(std::ranges::equal(found.bytes, wanted)) << n;
        ASSERT_EQ(found.change, change(n)) << n;
        ASSERT_EQ(log.steps_to(n), steps(n)) << n;
    }
    ASSERT_EQ(log.steps_to(log.end()), steps(log.end()));
}

TEST(StepLog, KeepsWhatItIsGiven) {
    StepLog log(StepLog::kLeast);
    append(log, 1000);
    EXPECT_EQ(log.begin(), 0U);
    EXPECT_EQ(log.end(), 1000U);
    expect_whole(log);
}

TEST(StepLog, IsBoundedAndDropsTheOldest) {
    StepLog log(StepLog::kLeast);
    append(log, 100'000);
    EXPECT_LE(log.bytes(), log.limit());
    EXPECT_GT(log.bytes(), log.limit() * 9 / 10);
    EXPECT_GT(log.begin(), 0U);
    EXPECT_EQ(log.end(), 100'000U);
    expect_whole(log);
}

TEST(StepLog, ACutIsFollowedByOtherRecords) {
    StepLog log(StepLog::kLeast);
    append(log, 5000);
    for (const std::uint64_t end : {4999U, 4000U, 3500U}) {
        if (end < log.begin())
            continue;
        log.cut(end);
        EXPECT_EQ(log.end(), end);
        expect_whole(log);
    }
    append(log, 3000);
    expect_whole(log);
}

TEST(StepLog, CanBeCutToNothing) {
    StepLog log(StepLog::kLeast);
    append(log, 100);
    log.cut(0);
    EXPECT_EQ(log.bytes(), 0U);
    append(log, 100);
    expect_whole(log);
}

TEST(StepLog, ARecordOfAnySizeFits) {
    StepLog log(StepLog::kLeast);
    append(log, 10);
    const std::vector<std::byte> large(StepLog::kLeast * 2, std::byte{9});
    log.append(large, Change::Step);
    log.append(large, Change::Other);
    EXPECT_TRUE(std::ranges::equal(log.at(log.end() - 1).bytes, large));
    EXPECT_EQ(log.at(log.end() - 1).change, Change::Other);
    EXPECT_EQ(log.at(log.end() - 2).change, Change::Step);
}

// The last position of a step is where the next one begins, after records that are not steps.
TEST(StepLog, FindsTheLastPositionOfAStep) {
    StepLog log(StepLog::kLeast);
    append(log, 20'000);
    const std::uint64_t first = log.steps_to(log.begin()), last = log.steps_to(log.end());
    ASSERT_GT(first, 0U);
    for (std::uint64_t step = first; step <= last; ++step) {
        const auto position = log.position_of_step(step);
        ASSERT_TRUE(position) << step;
        ASSERT_EQ(log.steps_to(*position), step);
        if (step != last) {
            ASSERT_EQ(log.steps_to(*position + 1), step + 1);
        }
    }
    EXPECT_FALSE(log.position_of_step(first - 1));
    EXPECT_FALSE(log.position_of_step(last + 1));
}

TEST(StepLog, AnEmptyLogIsAtStepNought) {
    const StepLog log(StepLog::kLeast);
    EXPECT_EQ(log.steps_to(0), 0U);
    EXPECT_EQ(log.position_of_step(0), std::optional<std::uint64_t>(0));
    EXPECT_FALSE(log.position_of_step(1));
}

}  // namespace
}  // namespace ringside::history
