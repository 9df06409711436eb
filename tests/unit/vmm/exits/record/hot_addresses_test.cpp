#include "vmm/exits/record/hot_addresses.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

namespace ringside::exits {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(HotAddresses, MostFrequentFirst) {
    const auto hot = std::make_unique<HotAddresses>();
    for (int i = 0; i < 3; ++i)
        hot->count(0x1000, 2);
    hot->count(0x2000, 6);
    for (int i = 0; i < 5; ++i)
        hot->count(0xffffffff81000000, 5);
    EXPECT_THAT(hot->read(), ElementsAre(HotAddress{0xffffffff81000000, 5, 0, 5}, HotAddress{0x1000, 3, 0, 2},
                                         HotAddress{0x2000, 1, 0, 6}));
}

TEST(HotAddresses, KeepsTheLastReason) {
    const auto hot = std::make_unique<HotAddresses>();
    hot->count(0x1000, 2);
    hot->count(0x1000, 6);
    EXPECT_THAT(hot->read(), ElementsAre(HotAddress{0x1000, 2, 0, 6}));
}

// A long boot must not keep out what is hot later.
TEST(HotAddresses, LateHotAddressGetsInAmongManyColdOnes) {
    const auto hot = std::make_unique<HotAddresses>();
    for (std::uint64_t rip = 1; rip <= 100'000; ++rip)
        hot->count(rip * 16, 2);
    constexpr std::uint64_t kLate = 0xdeadbeef;
    constexpr std::uint64_t kTimes = 1000;
    for (std::uint64_t i = 0; i < kTimes; ++i)
        hot->count(kLate, 2);

    const std::vector<HotAddress> all = hot->read();
    EXPECT_EQ(all.size(), HotAddresses::kSets * HotAddresses::kWays);
    ASSERT_EQ(all.front().rip, kLate);
    EXPECT_GE(all.front().count, kTimes);
    EXPECT_EQ(all.front().count - all.front().overcount, kTimes);
    std::uint64_t total = 0;
    for (const HotAddress& address : all)
        total += address.count;
    EXPECT_EQ(total, 100'000 + kTimes) << "Space-Saving conserves the sum";
}

TEST(HotAddresses, ClearForgets) {
    const auto hot = std::make_unique<HotAddresses>();
    hot->count(0x1000, 2);
    hot->clear();
    EXPECT_THAT(hot->read(), IsEmpty());
}

}  // namespace
}  // namespace ringside::exits
