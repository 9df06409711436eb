#include "arch/x86_64/page_access.h"

#include <algorithm>
#include <span>

#include "arch/x86_64/control_bits.h"

namespace ringside::x86 {

bool is_allowed(const PagePermissions& page, bool user_mode, std::uint64_t cr4_value, PageUse use) {
    if (user_mode && !page.user)
        return false;
    if (use == PageUse::Fetch)
        return page.executable && (user_mode || !page.user || (cr4_value & cr4::kSmep) == 0);
    if ((cr4_value & (page.user ? cr4::kPke : cr4::kPks)) != 0)
        return false;  // protection keys may forbid it
    if (!user_mode && page.user && (cr4_value & cr4::kSmap) != 0)
        return false;
    return use == PageUse::Read || page.writable;
}

bool leaves_entries_alone(const Translation& page, PagingMode mode, PageUse use) {
    constexpr std::uint64_t kAccessed = 1U << 5, kDirty = 1U << 6;
    constexpr unsigned kPdpt = 3;
    const auto steps = std::span(page.steps).first(page.step_count);
    const bool accessed = std::ranges::all_of(steps, [mode](const WalkStep& step) {
        const bool has_no_bit = mode == PagingMode::Pae && step.level == kPdpt;
        return has_no_bit || (step.entry & kAccessed) != 0;
    });
    return accessed && (use != PageUse::Write || steps.empty() || (steps.back().entry & kDirty) != 0);
}

}  // namespace ringside::x86
