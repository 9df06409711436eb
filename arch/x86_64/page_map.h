// Everything that a set of page tables maps (SDM volume 3, chapter 4), as runs of equal permissions or page by page.
//
// Kernels map the same tables at very many places (KASAN's zero shadow covers terabytes with one page), and a hostile
// guest may map a table into itself: a table's runs are computed once for each level at which it is used.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "arch/x86_64/paging.h"

namespace ringside::x86 {

// A run of linear addresses that are mapped with the same permissions.
struct MappedRun {
    std::uint64_t start = 0;  // canonical
    std::uint64_t size = 0;   // 0 means 2^64
    PagePermissions permissions;
    friend bool operator==(const MappedRun&, const MappedRun&) = default;
};

struct PageMap {
    std::vector<MappedRun> runs;  // by address, as long as possible
    bool complete = true;         // false: there are more than `most_runs`, and the rest is omitted
};

// Without paging there are no tables, and the map is empty.
PageMap page_map(const PagingState& state, EntryReader reader, std::size_t most_runs = 1U << 20);

// One page.
struct MappedPage {
    Gva gva;
    unsigned level = 1;  // of the entry that maps it
    std::uint64_t entry = 0;
    Gpa gpa;
    std::uint64_t size = 0;
    PagePermissions permissions;  // of all levels together
};

// Visits every page by address until `visit` returns false. Returns false if it did. Without paging there are
// none. A page that is mapped at N addresses is visited N times.
bool for_each_page(const PagingState& state, EntryReader reader,
                   const std::function<bool(const MappedPage&)>& visit);

// The pages that contain a physical address, by address, at most `most`. Tables that do not lead to it are searched
// once for each level at which they are used.
std::vector<MappedPage> find_mappings(const PagingState& state, EntryReader reader, Gpa gpa,
                                      std::size_t most);

}  // namespace ringside::x86
