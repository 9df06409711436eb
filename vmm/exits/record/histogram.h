// A histogram of durations in powers of two: small enough to keep one per kind of exit, and exact in count,
// sum and maximum.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace ringside::exits {

inline constexpr std::size_t kHistogramBuckets = 64;

// Bucket 0 counts 0; bucket i counts [2^(i-1), 2^i) ticks; the last one counts everything longer.
inline std::size_t histogram_bucket(std::uint64_t ticks) {
    return std::min<std::size_t>(static_cast<std::size_t>(std::bit_width(ticks)), kHistogramBuckets - 1);
}

// A bucket's lower bound in ticks.
inline std::uint64_t bucket_floor(std::size_t bucket) {
    return bucket == 0 ? 0 : std::uint64_t{1} << (bucket - 1);
}

struct Histogram {
    std::array<std::uint64_t, kHistogramBuckets> buckets{};
    std::uint64_t total = 0;    // ticks
    std::uint64_t maximum = 0;  // ticks

    std::uint64_t count() const;
    // The duration below which `fraction` (0 to 1) of all lie: exact to the bucket, interpolated within it,
    // and never above the maximum. 0 if the histogram is empty.
    std::uint64_t quantile(double fraction) const;

    void add(std::uint64_t ticks);
    Histogram& operator+=(const Histogram& other);
    // What was added since `earlier`, an earlier state of this histogram. The maximum since then is not
    // known; the result is bounded by the highest bucket that grew and by the overall maximum.
    Histogram since(const Histogram& earlier) const;
    friend bool operator==(const Histogram&, const Histogram&) = default;
};

}  // namespace ringside::exits
