#include "vmm/exits/record/recorder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "tests/unit/vmm/exits/record/exit_builders.h"

namespace ringside::exits {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

TEST(VcpuRecorder, StartsEmpty) {
    const VcpuRecorder recorder;
    const VcpuStatistics statistics = recorder.snapshot();
    EXPECT_TRUE(recorder.enabled());
    EXPECT_EQ(statistics.recorded, 0U);
    EXPECT_THAT(statistics.keys, IsEmpty());
    EXPECT_THAT(statistics.recent, IsEmpty());
}

TEST(VcpuRecorder, KeysAreReasonDirectionSizeAndAddress) {
    VcpuRecorder recorder;
    recorder.record(access(kIo, Direction::Write, 1, 0x3f8));
    recorder.record(access(kIo, Direction::Write, 1, 0x3f8));
    recorder.record(access(kIo, Direction::Read, 1, 0x3f8));
    recorder.record(access(kIo, Direction::Write, 2, 0x3f8));
    recorder.record(access(kIo, Direction::Write, 1, 0x3f9));
    recorder.record(access(kMmio, Direction::Write, 1, 0x3f8));

    const VcpuStatistics statistics = recorder.snapshot();
    ASSERT_THAT(statistics.keys, SizeIs(5));
    EXPECT_EQ(statistics.recorded, 6U);
    for (const KeyStatistics& row : statistics.keys) {
        const bool twice = row.key == ExitKey{kIo, Direction::Write, 1, false, 0x3f8};
        EXPECT_EQ(row.count, twice ? 2U : 1U);
    }
}

TEST(VcpuRecorder, TimesInTheKernelAndInTheHandler) {
    VcpuRecorder recorder;
    recorder.record(access(kMmio, Direction::Read, 4, 0xd0000000, 1000, 300, 20));
    recorder.record(access(kMmio, Direction::Read, 4, 0xd0000000, 2000, 500, 40));

    const VcpuStatistics statistics = recorder.snapshot();
    ASSERT_THAT(statistics.keys, SizeIs(1));
    EXPECT_EQ(statistics.keys[0].run.total, 800U);
    EXPECT_EQ(statistics.keys[0].run.maximum, 500U);
    EXPECT_EQ(statistics.keys[0].run.count(), 2U);
    EXPECT_EQ(statistics.keys[0].handler.total, 60U);
    EXPECT_EQ(statistics.keys[0].handler.maximum, 40U);
}

TEST(VcpuRecorder, ClocksThatDisagreeGiveNoNegativeTime) {
    VcpuRecorder recorder;
    ExitRecord exit = access(kHlt, Direction::None, 0, 0);
    exit.entered = 100;
    exit.exited = 90;
    exit.handled = 80;
    recorder.record(exit);
    EXPECT_EQ(recorder.snapshot().keys.at(0).run.total, 0U);
    EXPECT_EQ(recorder.snapshot().keys.at(0).handler.total, 0U);
}

TEST(VcpuRecorder, RepeatedStringIoCountsItsAccesses) {
    VcpuRecorder recorder;
    ExitRecord exit = access(kIo, Direction::Write, 1, 0xe9);
    exit.count = 512;
    recorder.record(exit);
    EXPECT_EQ(recorder.snapshot().keys.at(0).count, 1U);
    EXPECT_EQ(recorder.snapshot().keys.at(0).accesses, 512U);
}

TEST(VcpuRecorder, CountsExitsOfUnknownOrigin) {
    VcpuRecorder recorder;
    ExitRecord exit = access(kHlt, Direction::None, 0, 0);
    recorder.record(exit);
    exit.rip = 0x7c00;
    recorder.record(exit);
    const VcpuStatistics statistics = recorder.snapshot();
    EXPECT_EQ(statistics.without_rip, 1U);
    ASSERT_THAT(statistics.hot, SizeIs(1));
    EXPECT_EQ(statistics.hot[0].rip, 0x7c00U);
}

// A guest that touches ever new addresses fills no more than the table; its totals stay exact.
TEST(VcpuRecorder, MergesAddressesThatFindNoPlace) {
    VcpuRecorder recorder;
    constexpr std::uint64_t kExits = 100'000;
    for (std::uint64_t i = 0; i < kExits; ++i)
        recorder.record(access(kMmio, Direction::Read, 4, 0xd0000000 + 4 * i));

    const VcpuStatistics statistics = recorder.snapshot();
    EXPECT_LE(statistics.keys.size(), ExitTable::kExact + 1);
    EXPECT_EQ(statistics.recorded, kExits);
    EXPECT_EQ(statistics.unclassified, 0U);
    EXPECT_GT(statistics.merged, 0U);
    std::uint64_t exact = 0;
    std::uint64_t merged = 0;
    for (const KeyStatistics& row : statistics.keys)
        (row.key.any_address ? merged : exact) += row.count;
    EXPECT_EQ(exact + merged, kExits);
    EXPECT_EQ(merged, statistics.merged);
}

TEST(VcpuRecorder, CountsWhatFitsNowhere) {
    VcpuRecorder recorder;
    constexpr std::uint32_t kReasons = 5000;
    for (std::uint32_t reason = 0; reason < kReasons; ++reason)
        recorder.record(access(reason, Direction::None, 0, 0));
    const VcpuStatistics statistics = recorder.snapshot();
    EXPECT_EQ(statistics.recorded, kReasons);
    EXPECT_GT(statistics.unclassified, 0U);
    EXPECT_EQ(statistics.keys.size() + statistics.unclassified, kReasons);
}

TEST(VcpuRecorder, ResetForgetsAtOnceAndForGood) {
    VcpuRecorder recorder;
    recorder.record(access(kIo, Direction::Write, 1, 0x3f8));
    recorder.record(access(kIo, Direction::Write, 1, 0x3f9));
    recorder.reset();
    EXPECT_EQ(recorder.snapshot().recorded, 0U);
    EXPECT_THAT(recorder.snapshot().keys, IsEmpty());
    EXPECT_EQ(recorder.snapshot().resets, 1U);

    recorder.record(access(kHlt, Direction::None, 0, 0, 50, 5, 1));
    const VcpuStatistics statistics = recorder.snapshot();
    EXPECT_EQ(statistics.recorded, 1U);
    ASSERT_THAT(statistics.keys, SizeIs(1));
    EXPECT_EQ(statistics.keys[0].key.reason, kHlt);
    EXPECT_EQ(statistics.keys[0].run.count(), 1U);
    EXPECT_THAT(statistics.recent, SizeIs(1));
}

TEST(VcpuRecorder, RecordsNothingWhileOff) {
    VcpuRecorder recorder;
    recorder.record(access(kIo, Direction::Write, 1, 0x3f8));
    recorder.enable(false);
    EXPECT_FALSE(recorder.enabled());
    recorder.record(access(kIo, Direction::Write, 1, 0x3f8));
    EXPECT_EQ(recorder.snapshot().recorded, 1U);
    recorder.enable(true);
    recorder.record(access(kIo, Direction::Write, 1, 0x3f8));
    EXPECT_EQ(recorder.snapshot().recorded, 2U);
}

TEST(VcpuRecorder, SnapshotTakesAsManyRecentExitsAsAskedFor) {
    VcpuRecorder recorder;
    for (std::uint64_t port = 0; port < 10; ++port)
        recorder.record(access(kIo, Direction::Write, 1, port));
    EXPECT_THAT(recorder.snapshot(3).recent, SizeIs(3));
    EXPECT_THAT(recorder.snapshot(0).recent, IsEmpty());
    EXPECT_THAT(recorder.snapshot().recent, SizeIs(10));
}

// Numbers only grow between resets, and a reset is never seen half done: after it every count is small again.
TEST(VcpuRecorder, ManyReadersAndOneWriter) {
    VcpuRecorder recorder;
    constexpr std::uint64_t kExits = 200'000;
    std::thread writer([&] {
        for (std::uint64_t i = 0; i < kExits; ++i)
            recorder.record(access(kIo, Direction::Write, 1, i % 8, 10 * i, 5, 2));
    });
    std::uint64_t previous = 0;
    bool grows = true;
    bool bounded = true;
    while (previous < kExits) {
        const VcpuStatistics statistics = recorder.snapshot(16);
        grows = grows && statistics.recorded >= previous;
        previous = statistics.recorded;
        std::uint64_t counted = 0;
        for (const KeyStatistics& row : statistics.keys)
            counted += row.count;
        // Rows are read before `recorded`; only the exit in hand can be in them and not yet in it.
        bounded = bounded && counted <= statistics.recorded + 1;
    }
    writer.join();
    EXPECT_TRUE(grows);
    EXPECT_TRUE(bounded);
}

TEST(VcpuRecorder, ResetWhileTheWriterRuns) {
    VcpuRecorder recorder;
    std::atomic<bool> stop{false};
    std::thread writer([&] {
        for (std::uint64_t i = 0; !stop.load(std::memory_order_relaxed); ++i)
            recorder.record(access(kIo, Direction::Write, 1, i % 8));
    });
    for (std::uint64_t resets = 1; resets <= 50; ++resets) {
        recorder.reset();
        while (recorder.snapshot(1).recorded == 0) {
        }
        EXPECT_EQ(recorder.snapshot(1).resets, resets);
    }
    stop = true;
    writer.join();
    const VcpuStatistics statistics = recorder.snapshot();
    std::uint64_t counted = 0;
    for (const KeyStatistics& row : statistics.keys)
        counted += row.count;
    EXPECT_EQ(counted, statistics.recorded);
}

}  // namespace
}  // namespace ringside::exits
