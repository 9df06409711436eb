#include "vmm/exits/record/histogram.h"

#include <gtest/gtest.h>

#include <limits>

namespace ringside::exits {
namespace {

TEST(Histogram, BucketsArePowersOfTwo) {
    EXPECT_EQ(histogram_bucket(0), 0U);
    EXPECT_EQ(histogram_bucket(1), 1U);
    EXPECT_EQ(histogram_bucket(2), 2U);
    EXPECT_EQ(histogram_bucket(3), 2U);
    EXPECT_EQ(histogram_bucket(4), 3U);
    EXPECT_EQ(histogram_bucket(std::numeric_limits<std::uint64_t>::max()), kHistogramBuckets - 1);
    for (std::size_t bucket = 1; bucket < kHistogramBuckets; ++bucket) {
        EXPECT_EQ(histogram_bucket(bucket_floor(bucket)), bucket);
        EXPECT_EQ(histogram_bucket(bucket_floor(bucket) - 1), bucket - 1);
    }
}

TEST(Histogram, EmptyHasNoQuantile) {
    EXPECT_EQ(Histogram{}.quantile(0.5), 0U);
    EXPECT_EQ(Histogram{}.count(), 0U);
}

TEST(Histogram, QuantilesLieInTheirBucketAndBelowTheMaximum) {
    Histogram histogram;
    for (int i = 0; i < 90; ++i)
        histogram.add(100);  // [64, 128)
    for (int i = 0; i < 10; ++i)
        histogram.add(5000);  // [4096, 8192)
    EXPECT_EQ(histogram.count(), 100U);
    EXPECT_EQ(histogram.total, 90U * 100 + 10U * 5000);
    EXPECT_EQ(histogram.maximum, 5000U);
    EXPECT_GE(histogram.quantile(0.5), 64U);
    EXPECT_LT(histogram.quantile(0.5), 128U);
    EXPECT_GE(histogram.quantile(0.99), 4096U);
    EXPECT_EQ(histogram.quantile(1.0), 5000U);
}

TEST(Histogram, InterpolatesWithinABucket) {
    Histogram histogram;
    for (std::uint64_t i = 1024; i < 2048; ++i)
        histogram.add(i);
    EXPECT_EQ(histogram.quantile(0.25), 1280U);
    EXPECT_EQ(histogram.quantile(0.5), 1536U);
}

TEST(Histogram, AddsUpAndSubtracts) {
    Histogram earlier;
    earlier.add(100);
    earlier.add(1'000'000);
    Histogram now = earlier;
    now.add(9);
    now.add(7);

    const Histogram difference = now.since(earlier);
    EXPECT_EQ(difference.count(), 2U);
    EXPECT_EQ(difference.total, 16U);
    EXPECT_EQ(difference.maximum, 15U) << "the highest bucket that grew is [8, 16)";

    Histogram again = earlier;
    again += difference;
    EXPECT_EQ(again.buckets, now.buckets);
    EXPECT_EQ(again.total, now.total);
}

}  // namespace
}  // namespace ringside::exits
