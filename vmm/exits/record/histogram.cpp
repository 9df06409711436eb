#include "vmm/exits/record/histogram.h"

#include <cmath>
#include <numeric>

namespace ringside::exits {

std::uint64_t Histogram::count() const {
    return std::accumulate(buckets.begin(), buckets.end(), std::uint64_t{0});
}

std::uint64_t Histogram::quantile(double fraction) const {
    const double wanted = fraction * static_cast<double>(count());
    double below = 0;
    for (std::size_t i = 0; i < buckets.size(); ++i) {
        const auto here = static_cast<double>(buckets[i]);
        if (here == 0 || below + here < wanted) {
            below += here;
            continue;
        }
        const std::uint64_t floor = bucket_floor(i);
        const auto width = static_cast<double>(floor);  // [2^(i-1), 2^i) is as wide as its lower bound
        const auto offset = static_cast<std::uint64_t>(std::llround(width * (wanted - below) / here));
        return std::min(floor + offset, maximum);
    }
    return maximum;
}

void Histogram::add(std::uint64_t ticks) {
    ++buckets[histogram_bucket(ticks)];
    total += ticks;
    maximum = std::max(maximum, ticks);
}

Histogram& Histogram::operator+=(const Histogram& other) {
    for (std::size_t i = 0; i < buckets.size(); ++i)
        buckets[i] += other.buckets[i];
    total += other.total;
    maximum = std::max(maximum, other.maximum);
    return *this;
}

Histogram Histogram::since(const Histogram& earlier) const {
    Histogram result;
    for (std::size_t i = 0; i < buckets.size(); ++i) {
        result.buckets[i] = buckets[i] - std::min(buckets[i], earlier.buckets[i]);
        if (result.buckets[i] != 0) {
            const std::uint64_t ceiling =
                i + 1 == buckets.size() ? maximum : bucket_floor(i + 1) - std::uint64_t{1};
            result.maximum = std::min(maximum, ceiling);
        }
    }
    result.total = total - std::min(total, earlier.total);
    return result;
}

}  // namespace ringside::exits
