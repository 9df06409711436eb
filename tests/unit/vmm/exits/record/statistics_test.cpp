#include "vmm/exits/record/statistics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

#include "tests/unit/vmm/exits/record/exit_builders.h"
#include "vmm/exits/record/recorder.h"

namespace ringside::exits {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

TEST(Statistics, SumAddsRowsOfTheSameKeyAndMergesTheRecent) {
    VcpuRecorder first;
    VcpuRecorder second;
    first.record(access(kIo, Direction::Write, 1, 0x3f8, 100, 10, 1));
    first.record(access(kHlt, Direction::None, 0, 0, 300, 10, 1));
    second.record(access(kIo, Direction::Write, 1, 0x3f8, 200, 30, 2));

    const VcpuStatistics total = sum(std::array{first.snapshot(), second.snapshot()});
    EXPECT_EQ(total.recorded, 3U);
    ASSERT_THAT(total.keys, SizeIs(2));
    EXPECT_EQ(total.keys[0].count, 2U);
    EXPECT_EQ(total.keys[0].run.total, 40U);
    EXPECT_EQ(total.keys[0].run.maximum, 30U);
    ASSERT_THAT(total.recent, SizeIs(3));
    EXPECT_EQ(total.recent[0].entered, 100U);
    EXPECT_EQ(total.recent[1].entered, 200U);
    EXPECT_EQ(total.recent[2].entered, 300U);
}

TEST(Statistics, SinceKeepsOnlyWhatGrew) {
    VcpuRecorder recorder;
    ExitRecord out = access(kIo, Direction::Write, 1, 0x3f8, 100, 10, 1);
    out.rip = 0x1000;
    recorder.record(out);
    recorder.record(access(kHlt, Direction::None, 0, 0, 200, 10, 1));
    const VcpuStatistics earlier = recorder.snapshot();
    recorder.record(access(kIo, Direction::Write, 1, 0x3f9, 300, 10, 1));
    out.entered = 400;
    out.exited = 410;
    recorder.record(out);

    const VcpuStatistics difference = since(recorder.snapshot(), earlier);
    EXPECT_EQ(difference.recorded, 2U);
    ASSERT_THAT(difference.keys, SizeIs(2));
    EXPECT_EQ(difference.keys[0].key.address, 0x3f8U);
    EXPECT_EQ(difference.keys[0].count, 1U);
    EXPECT_EQ(difference.keys[0].run.count(), 1U);
    EXPECT_EQ(difference.keys[1].key.address, 0x3f9U);
    EXPECT_THAT(difference.hot, ElementsAre(HotAddress{0x1000, 1, 0, kIo}));
    EXPECT_THAT(difference.recent, SizeIs(2));
    EXPECT_EQ(difference.without_rip, 1U);
}

TEST(Statistics, SinceItselfIsNothing) {
    VcpuRecorder recorder;
    recorder.record(access(kIo, Direction::Write, 1, 0x3f8, 100, 10, 1));
    const VcpuStatistics now = recorder.snapshot();
    const VcpuStatistics difference = since(now, now);
    EXPECT_EQ(difference.recorded, 0U);
    EXPECT_THAT(difference.keys, IsEmpty());
    EXPECT_THAT(difference.recent, IsEmpty());
}

TEST(Statistics, AfterAResetEverythingIsNew) {
    VcpuRecorder recorder;
    recorder.record(access(kIo, Direction::Write, 1, 0x3f8, 100, 10, 1));
    const VcpuStatistics earlier = recorder.snapshot();
    recorder.reset();
    recorder.record(access(kIo, Direction::Write, 1, 0x3f8, 200, 10, 1));
    recorder.record(access(kIo, Direction::Write, 1, 0x3f8, 300, 10, 1));
    EXPECT_EQ(since(recorder.snapshot(), earlier).recorded, 2U);
}

}  // namespace
}  // namespace ringside::exits
