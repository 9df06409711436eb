// The guest addresses that most exits come from, in bounded memory.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "vmm/exits/record/counter.h"
#include "vmm/exits/record/statistics.h"

namespace ringside::exits {

// The Space-Saving algorithm (Metwally, Agrawal, El Abbadi, 2005) over small sets: an address whose set is
// full replaces the least frequent address in it and inherits its count as a possible overcount. An address
// that is hot now is therefore found, however many cold addresses came before it.
class HotAddresses {
  public:
    static constexpr std::size_t kSets = 256;
    static constexpr std::size_t kWays = 8;

    void count(std::uint64_t rip, std::uint32_t reason) noexcept;
    void clear() noexcept;
    // Most frequent first.
    std::vector<HotAddress> read() const;

  private:
    // The addresses of a set fill one cache line, so that looking one up touches one.
    struct alignas(64) Set {
        std::array<Counter, kWays> rips;
        std::array<Counter, kWays> counts;
        std::array<Counter, kWays> overcounts;
        std::array<SingleWriter<std::uint32_t>, kWays> reasons;
    };

    std::array<Set, kSets> sets_;
};

}  // namespace ringside::exits
