#include "vmm/history/step_log.h"

#include <gtest/gtest.h>

namespace ringside::history {
namespace {

std::vector<std::byte> record(std::uint64_t number) {
    return std::vector<std::byte>(10 + number % 50, static_cast<std::byte>(number));
}

void append(StepLog& log, std::uint64_t count) {
    for (std::uint64_t i = 0; i < count; ++i)
        log.append(record(log.end()), static_cast<std::uint8_t>(log.end() % 7));
}

void expect_whole(const StepLog& log) {
    for (std::uint64_t n = log.begin(); n < log.end(); ++n) {
        const auto found = log.at(n);
        const auto wanted = record(n);
        ASSERT_TRUE(std::ranges::equal(found.bytes, wanted)) << n;
        ASSERT_EQ(found.tag, n % 7) << n;
    }
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
    log.append(large, 1);
    log.append(large, 2);
    EXPECT_TRUE(std::ranges::equal(log.at(log.end() - 1).bytes, large));
    EXPECT_EQ(log.at(log.end() - 1).tag, 2);
}

}  // namespace
}  // namespace ringside::history
