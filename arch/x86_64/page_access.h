// What an access to a translated page may do, beyond the bits of PagePermissions (SDM volume 3, 4.6 and 4.8).
#pragma once

#include <cstdint>

#include "arch/x86_64/paging.h"

namespace ringside::x86 {

enum class PageUse : std::uint8_t { Fetch, Read, Write };

// Returns true if the access cannot fault: SMEP and SMAP are obeyed whatever RFLAGS.AC says, a protection key is taken to
// forbid the access, and CR0.WP to be set.
bool is_allowed(const PagePermissions& page, bool user_mode, std::uint64_t cr4_value, PageUse use);

// Returns true if the processor sets no A or D bit in the entries of the walk for this access.
bool leaves_entries_alone(const Translation& page, PagingMode mode, PageUse use);

}  // namespace ringside::x86
