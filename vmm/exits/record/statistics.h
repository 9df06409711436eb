// What has been recorded about one vCPU's exits, as plain values: a snapshot, a sum, or the difference from
// an earlier snapshot. Times are in ticks of the recorder's clock (tsc_clock.h).
#pragma once

#include <compare>
#include <cstdint>
#include <span>
#include <vector>

#include "vmm/exits/record/exit_record.h"
#include "vmm/exits/record/histogram.h"

namespace ringside::exits {

// The key under which exits are counted together. A recorder that has no room for another address counts
// further ones together: `any_address` is then set, and `address` is 0.
struct ExitKey {
    std::uint32_t reason = 0;
    Direction direction = Direction::None;
    std::uint8_t size = 0;
    bool any_address = false;
    std::uint64_t address = 0;
    friend auto operator<=>(const ExitKey&, const ExitKey&) = default;
};

struct KeyStatistics {
    ExitKey key;
    std::uint64_t count = 0;     // exits
    std::uint64_t accesses = 0;  // more than exits where one exit carries a REP INS or OUTS
    Histogram run;               // in KVM_RUN before the exit: the guest's own time, and the kernel's
    Histogram handler;           // from KVM_RUN's return until the exit had been handled
    friend bool operator==(const KeyStatistics&, const KeyStatistics&) = default;
};

// A guest address that causes exits. Only the most frequent ones are kept. `count` is never too low, and too
// high by at most `overcount`.
struct HotAddress {
    std::uint64_t rip = 0;
    std::uint64_t count = 0;
    std::uint64_t overcount = 0;
    std::uint32_t reason = 0;  // of its last exit
    friend bool operator==(const HotAddress&, const HotAddress&) = default;
};

struct VcpuStatistics {
    std::vector<KeyStatistics> keys;  // by ExitKey
    std::vector<HotAddress> hot;      // most frequent first
    std::vector<ExitRecord> recent;   // oldest first
    std::uint64_t resets = 0;         // number of resets before this
    std::uint64_t recorded = 0;       // exits in all
    std::uint64_t merged = 0;         // exits counted under `any_address`
    std::uint64_t unclassified = 0;   // exits that are in `recorded` and `recent` alone
    std::uint64_t without_rip = 0;    // exits whose RIP the host did not report
};

// The sum over several vCPUs. The recent exits are merged by the time at which they returned from KVM_RUN.
VcpuStatistics sum(std::span<const VcpuStatistics> vcpus);

// What was recorded after `earlier`. After a reset in between, everything counts as new. Keeps the hot
// addresses that grew, and the recent exits that came after the last one of the earlier state.
VcpuStatistics since(const VcpuStatistics& now, const VcpuStatistics& earlier);

}  // namespace ringside::exits
