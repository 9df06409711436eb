// Memory that appears when it is touched.
#pragma once

#include <stdint.h>

inline constexpr uintptr_t kDemandBase = 0x400000000000;
inline constexpr unsigned kDemandPages = 8;
inline constexpr uintptr_t kPageSize = 4096;

extern volatile unsigned long page_faults_served;

// Installs the page-fault handler: a page of [kDemandBase, + kDemandPages pages) is mapped at its first
// touch.
void initialise_demand_paging();
