#include "guests/demo64/paging.h"

#include "guests/lib/console.h"
#include "guests/lib/cpu.h"
#include "guests/lib/exit.h"
#include "guests/lib/interrupts.h"

volatile unsigned long page_faults_served;

extern "C" uint64_t page_map[512];  // the top-level page table, boot64.S

constexpr uint64_t kPresentWritable = 3;
constexpr uint64_t kAddressMask = 0x000ffffffffff000;
constexpr unsigned kTopLevel = 4;
constexpr unsigned kTablePages = kTopLevel - 1;

// Zeroed by the loader, handed out in order: a page for each touched one and the tables that lead to them.
struct alignas(kPageSize) Page {
    uint8_t bytes[kPageSize];
};
static Page page_pool[kDemandPages + kTablePages];
static unsigned pages_used;

static uint64_t allocate_page() {
    return reinterpret_cast<uint64_t>(&page_pool[pages_used++]);
}

// The entry that `table`, at `level` (1 to 4), has for `address`.
static uint64_t& entry_for(uint64_t* table, unsigned level, uintptr_t address) {
    return table[address >> (12 + 9 * (level - 1)) & 511];
}

static void map_page(uintptr_t address, uint64_t physical) {
    uint64_t* table = page_map;
    for (unsigned level = kTopLevel; level > 1; --level) {
        uint64_t& entry = entry_for(table, level, address);
        if (entry == 0)
            entry = allocate_page() | kPresentWritable;
        table = reinterpret_cast<uint64_t*>(entry & kAddressMask);
    }
    entry_for(table, 1, address) = physical | kPresentWritable;
}

static void on_page_fault(guest::InterruptFrame& frame) {
    const uintptr_t address = guest::read_cr2();
    if (address < kDemandBase || address >= kDemandBase + kDemandPages * kPageSize) {
        guest::print("page fault at ", guest::Hex{address}, ", RIP ", guest::Hex{frame.ip}, "\n");
        guest::debug_exit(guest::kFailed);
    }
    map_page(address & ~(kPageSize - 1), allocate_page());
    page_faults_served = page_faults_served + 1;
}

void initialise_demand_paging() {
    guest::set_handler(guest::kVectorPageFault, on_page_fault);
}
