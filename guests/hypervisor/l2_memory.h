// L2's physical memory: a few pages of L1's, and the tables that say which (EPT, or AMD's nested page tables).
#pragma once

#include <stdint.h>

namespace hypervisor {

// How an entry for a page looks. In those for tables both formats want the same three bits.
enum class SecondLevel : uint64_t {
    Ept = 0x37,     // read, write, execute; write-back
    Nested = 0x07,  // present, writable, user
};

// Builds L2's page tables and the second level that maps them, its code and its stack. Returns the second level's root.
uint64_t build_l2_memory(SecondLevel format);
// Gives L2 the page that it is missing.
void map_late_page(SecondLevel format);

// Where L2's own top page table is, in L2's physical memory.
inline constexpr uint64_t kL2PageMap = 0x1000;

}  // namespace hypervisor
