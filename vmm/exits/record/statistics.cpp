#include "vmm/exits/record/statistics.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <unordered_map>

namespace ringside::exits {
namespace {

void sort_hot(std::vector<HotAddress>& hot) {
    std::sort(hot.begin(), hot.end(), [](const HotAddress& a, const HotAddress& b) {
        return a.count != b.count ? a.count > b.count : a.rip < b.rip;
    });
}

bool returned_before(const ExitRecord& a, const ExitRecord& b) {
    return a.exited < b.exited;
}

std::vector<KeyStatistics> keys_since(const VcpuStatistics& now, const VcpuStatistics& earlier) {
    std::map<ExitKey, const KeyStatistics*> before;
    for (const KeyStatistics& row : earlier.keys)
        before[row.key] = &row;
    std::vector<KeyStatistics> grown;
    for (const KeyStatistics& row : now.keys) {
        const auto found = before.find(row.key);
        if (found == before.end()) {
            grown.push_back(row);
            continue;
        }
        const KeyStatistics& old = *found->second;
        if (row.count > old.count)
            grown.push_back({row.key, row.count - old.count, row.accesses - old.accesses,
                             row.run.since(old.run), row.handler.since(old.handler)});
    }
    return grown;
}

std::vector<HotAddress> hot_since(const VcpuStatistics& now, const VcpuStatistics& earlier) {
    std::unordered_map<std::uint64_t, std::uint64_t> before;
    for (const HotAddress& address : earlier.hot)
        before[address.rip] = address.count;
    std::vector<HotAddress> grown;
    for (HotAddress address : now.hot) {
        const auto found = before.find(address.rip);
        if (found != before.end())
            address.count -= std::min(address.count, found->second);
        // An address that was evicted and came back has inherited another address's count.
        address.overcount = std::min(address.overcount, address.count);
        if (address.count != 0)
            grown.push_back(address);
    }
    sort_hot(grown);
    return grown;
}

}  // namespace

VcpuStatistics sum(std::span<const VcpuStatistics> vcpus) {
    VcpuStatistics total;
    std::map<ExitKey, KeyStatistics> keys;
    std::map<std::uint64_t, HotAddress> hot;
    for (const VcpuStatistics& vcpu : vcpus) {
        for (const KeyStatistics& row : vcpu.keys) {
            KeyStatistics& into = keys[row.key];
            into.key = row.key;
            into.count += row.count;
            into.accesses += row.accesses;
            into.run += row.run;
            into.handler += row.handler;
        }
        for (const HotAddress& address : vcpu.hot) {
            HotAddress& into = hot[address.rip];
            into = {address.rip, into.count + address.count, into.overcount + address.overcount,
                    address.reason};
        }
        total.recent.insert(total.recent.end(), vcpu.recent.begin(), vcpu.recent.end());
        total.resets += vcpu.resets;
        total.recorded += vcpu.recorded;
        total.merged += vcpu.merged;
        total.unclassified += vcpu.unclassified;
        total.without_rip += vcpu.without_rip;
    }
    for (const auto& [key, row] : keys)
        total.keys.push_back(row);
    for (const auto& [rip, address] : hot)
        total.hot.push_back(address);
    sort_hot(total.hot);
    std::stable_sort(total.recent.begin(), total.recent.end(), returned_before);
    return total;
}

VcpuStatistics since(const VcpuStatistics& now, const VcpuStatistics& earlier) {
    if (now.resets != earlier.resets)
        return now;
    VcpuStatistics result;
    result.resets = now.resets;
    result.keys = keys_since(now, earlier);
    result.hot = hot_since(now, earlier);
    result.recorded = now.recorded - earlier.recorded;
    result.merged = now.merged - earlier.merged;
    result.unclassified = now.unclassified - earlier.unclassified;
    result.without_rip = now.without_rip - earlier.without_rip;
    const std::uint64_t last = earlier.recent.empty() ? 0 : earlier.recent.back().exited;
    std::copy_if(now.recent.begin(), now.recent.end(), std::back_inserter(result.recent),
                 [last](const ExitRecord& exit) { return exit.exited > last; });
    return result;
}

}  // namespace ringside::exits
