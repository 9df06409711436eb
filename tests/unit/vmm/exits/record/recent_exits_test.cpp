#include "vmm/exits/record/recent_exits.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <thread>

#include "tests/unit/vmm/exits/record/exit_builders.h"

namespace ringside::exits {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

constexpr std::size_t kAll = RecentExits::kCapacity;

TEST(RecentExits, KeepsEveryField) {
    const auto ring = std::make_unique<RecentExits>();
    ExitRecord exit;
    exit.entered = 0x1111111122222222;
    exit.exited = 0x3333333344444444;
    exit.handled = 0x5555555566666666;
    exit.rip = 0xffffffff81000123;
    exit.reason = kReasonInterrupted;
    exit.direction = Direction::Write;
    exit.size = 8;
    exit.count = 0xabcd;
    exit.address = 0xfee000b0;
    exit.value = 0x0123456789abcdef;
    ring->push(exit);

    const std::vector<ExitRecord> exits = ring->read(kAll);
    ASSERT_THAT(exits, SizeIs(1));
    EXPECT_EQ(exits[0].entered, exit.entered);
    EXPECT_EQ(exits[0].exited, exit.exited);
    EXPECT_EQ(exits[0].handled, exit.handled);
    EXPECT_EQ(exits[0].rip, exit.rip);
    EXPECT_EQ(exits[0].reason, exit.reason);
    EXPECT_EQ(exits[0].direction, exit.direction);
    EXPECT_EQ(exits[0].size, exit.size);
    EXPECT_EQ(exits[0].count, exit.count);
    EXPECT_EQ(exits[0].address, exit.address);
    EXPECT_EQ(exits[0].value, exit.value);
}

TEST(RecentExits, HoldsTheNewestOldestFirst) {
    const auto ring = std::make_unique<RecentExits>();
    for (std::uint64_t i = 0; i < kAll + 10; ++i)
        ring->push(access(kIo, Direction::Read, 1, i));

    const std::vector<ExitRecord> all = ring->read(kAll);
    ASSERT_THAT(all, SizeIs(kAll));
    EXPECT_EQ(all.front().address, 10U);
    EXPECT_EQ(all.back().address, kAll + 9);

    const std::vector<ExitRecord> last = ring->read(3);
    ASSERT_THAT(last, SizeIs(3));
    EXPECT_EQ(last.front().address, kAll + 7);
}

TEST(RecentExits, ClearForgets) {
    const auto ring = std::make_unique<RecentExits>();
    ring->push(access(kIo, Direction::Read, 1, 1));
    ring->clear();
    EXPECT_THAT(ring->read(kAll), IsEmpty());
    ring->push(access(kIo, Direction::Read, 1, 2));
    EXPECT_THAT(ring->read(kAll), SizeIs(1));
}

// Every field is derived from one number, so an entry made of two exits would show.
TEST(RecentExits, ReaderNeverSeesATornEntry) {
    const auto ring = std::make_unique<RecentExits>();
    std::atomic<bool> stop{false};
    std::thread writer([&] {
        for (std::uint64_t i = 0; !stop.load(std::memory_order_relaxed); ++i) {
            ExitRecord exit = access(static_cast<std::uint32_t>(i), Direction::Read, 1, ~i, i);
            exit.value = i;
            exit.rip = i;
            ring->push(exit);
        }
    });
    std::uint64_t seen = 0;
    std::uint64_t torn = 0;
    std::uint64_t disordered = 0;
    while (seen < 200'000) {
        std::uint64_t previous = 0;
        for (const ExitRecord& exit : ring->read(256)) {
            ++seen;
            const std::uint64_t i = exit.value;
            if (exit.entered != i || exit.rip != i || exit.address != ~i ||
                exit.reason != static_cast<std::uint32_t>(i))
                ++torn;
            if (i < previous)
                ++disordered;
            previous = i;
        }
    }
    stop = true;
    writer.join();
    EXPECT_EQ(torn, 0U);
    EXPECT_EQ(disordered, 0U);
}

}  // namespace
}  // namespace ringside::exits
