#include "arch/x86_64/page_map.h"

#include <map>
#include <set>

#include "arch/x86_64/paging_rules.h"

namespace ringside::x86 {

namespace {

using paging::Rules;

// Sign-extends a linear address.
std::uint64_t canonical(const Rules& rules, std::uint64_t linear) {
    const unsigned bits = rules.shape().linear_bits;
    if (bits == 32 || (linear >> (bits - 1) & 1) == 0)
        return linear;
    return linear | ~std::uint64_t{0} << bits;
}

// The entry if a walk would go through it.
std::optional<std::uint64_t> valid_entry(const Rules& rules, EntryReader reader, std::uint64_t table,
                                         unsigned level, unsigned index) {
    const auto entry =
        reader(Gpa{table + std::uint64_t{index} * rules.shape().entry_size}, rules.shape().entry_size);
    if (!entry || (*entry & paging::kPresent) == 0 || (*entry & rules.reserved_bits(level, *entry)) != 0)
        return std::nullopt;
    return entry;
}

// The runs of each table, relative to the first address that the table translates.
class Mapper {
  public:
    Mapper(const PagingState& state, EntryReader reader, std::size_t most_runs)
        : rules_(state), reader_(reader), most_runs_(most_runs), cr3_(state.cr3) {}

    PageMap run() {
        PageMap map;
        if (rules_.mode() == PagingMode::None)
            return map;
        map.runs = runs_of(rules_.top_table(cr3_), rules_.shape().levels);
        for (MappedRun& run : map.runs)
            run.start = canonical(rules_, run.start);
        map.complete = complete_;
        return map;
    }

  private:
    using Runs = std::vector<MappedRun>;

    // Addresses are absolute in the top table alone: only there can a run meet the hole.
    void append(Runs& runs, const MappedRun& run, bool top) {
        const bool continues = !runs.empty() && runs.back().start + runs.back().size == run.start &&
                               runs.back().permissions == run.permissions;
        if (continues && !(top && crosses_the_hole(run.start)))
            runs.back().size += run.size;
        else if (runs.size() == most_runs_)
            complete_ = false;
        else
            runs.push_back(run);
    }

    // The two halves of long mode's addresses are not neighbours.
    bool crosses_the_hole(std::uint64_t linear) const {
        const unsigned bits = rules_.shape().linear_bits;
        return bits > 32 && linear == std::uint64_t{1} << (bits - 1);
    }

    const Runs& runs_of(std::uint64_t table, unsigned level) {
        const auto key = std::pair(table, level);
        if (const auto known = known_.find(key); known != known_.end())
            return known->second;
        Runs runs;
        const std::uint64_t step = std::uint64_t{1} << paging::page_shift(rules_.shape(), level);
        const bool top = level == rules_.shape().levels;
        for (unsigned index = 0; index < rules_.entries(level) && complete_; ++index) {
            const auto entry = valid_entry(rules_, reader_, table, level, index);
            if (!entry)
                continue;
            const std::uint64_t start = index * step;
            const PagePermissions own = rules_.permissions(level, *entry);
            if (rules_.is_leaf(level, *entry)) {
                append(runs, {start, step, own}, top);
                continue;
            }
            for (const MappedRun& run : runs_of(*entry & rules_.table_mask(), level - 1))
                append(runs, {start + run.start, run.size, Rules::both(own, run.permissions)}, top);
        }
        return known_[key] = std::move(runs);
    }

    Rules rules_;
    EntryReader reader_;
    std::size_t most_runs_;
    std::uint64_t cr3_;
    std::map<std::pair<std::uint64_t, unsigned>, Runs> known_;
    bool complete_ = true;
};

// Goes through the tables page by page.
class Visitor {
  public:
    Visitor(const PagingState& state, EntryReader reader) : rules_(state), reader_(reader), cr3_(state.cr3) {}

    // `visit` returns false to end it.
    using Visit = std::function<bool(const MappedPage&)>;
    bool run(const Visit& visit) {
        return rules_.mode() == PagingMode::None ||
               table(rules_.top_table(cr3_), rules_.shape().levels, 0, {}, visit);
    }

    std::vector<MappedPage> find(Gpa gpa, std::size_t most) {
        std::vector<MappedPage> found;
        skip_barren_ = true;
        run([&](const MappedPage& page) {
            if (gpa < page.gpa || gpa - page.gpa >= page.size)
                return true;
            ++wanted_;
            found.push_back(page);
            return found.size() < most;
        });
        return found;
    }

  private:
    bool table(std::uint64_t address, unsigned level, std::uint64_t linear, PagePermissions above,
               const Visit& visit) {
        if (skip_barren_ && barren_.contains({address, level}))
            return true;
        const std::size_t wanted_before = wanted_;
        const std::uint64_t step = std::uint64_t{1} << paging::page_shift(rules_.shape(), level);
        for (unsigned index = 0; index < rules_.entries(level); ++index) {
            const auto entry = valid_entry(rules_, reader_, address, level, index);
            if (!entry)
                continue;
            const std::uint64_t start = linear + index * step;
            const auto permissions = Rules::both(above, rules_.permissions(level, *entry));
            const bool go_on =
                rules_.is_leaf(level, *entry)
                    ? visit({Gva{canonical(rules_, start)}, level, *entry, Gpa{rules_.frame(level, *entry)},
                             step, permissions})
                    : table(*entry & rules_.table_mask(), level - 1, start, permissions, visit);
            if (!go_on)
                return false;
        }
        if (wanted_ == wanted_before && skip_barren_)
            barren_.insert({address, level});
        return true;
    }

    Rules rules_;
    EntryReader reader_;
    std::uint64_t cr3_;
    bool skip_barren_ = false;
    std::size_t wanted_ = 0;                               // pages that find() has kept
    std::set<std::pair<std::uint64_t, unsigned>> barren_;  // tables that lead to none of them
};

}  // namespace

PageMap page_map(const PagingState& state, EntryReader reader, std::size_t most_runs) {
    return Mapper(state, reader, most_runs).run();
}

bool for_each_page(const PagingState& state, EntryReader reader,
                   const std::function<bool(const MappedPage&)>& visit) {
    return Visitor(state, reader).run(visit);
}

std::vector<MappedPage> find_mappings(const PagingState& state, EntryReader reader, Gpa gpa,
                                      std::size_t most) {
    return Visitor(state, reader).find(gpa, most);
}

}  // namespace ringside::x86
