#include "guests/hypervisor/l2_memory.h"

#include "guests/hypervisor/l2.h"

extern "C" const uint8_t l2_load_address[],
    l2_size[];  // from the linker script; their addresses are the values

namespace hypervisor {
namespace {

constexpr uint64_t kPage = 0x1000;
constexpr uint64_t kTable = 0x07;  // in the second level: read, write, execute; or present, writable, user
constexpr uint64_t kPresentWritable = 0x03;  // in L2's tables

struct alignas(kPage) Table {
    uint64_t entries[512];
};

// The second level covers the first 2 MiB of L2's physical memory in pages of 4 KiB.
Table second_level[4];
// L2's tables, at kL2PageMap and in the three pages after it.
Table l2_tables[4];
alignas(kPage) uint8_t l2_stack[kPage];
alignas(kPage) uint8_t l2_late_page[kPage];

uint64_t address_of(const volatile void* object) {
    return reinterpret_cast<uint64_t>(object);
}

void map(SecondLevel format, uint64_t l2_physical, uint64_t l1_physical) {
    second_level[3].entries[l2_physical / kPage] = l1_physical | static_cast<uint64_t>(format);
}

// L2's virtual addresses from kL2Virtual on are its physical ones from kL2Code on.
void build_l2_tables() {
    constexpr uint64_t kGigabyte = 1 << 30;
    l2_tables[0].entries[0] = (kL2PageMap + 1 * kPage) | kPresentWritable;
    l2_tables[1].entries[kL2Virtual / kGigabyte] = (kL2PageMap + 2 * kPage) | kPresentWritable;
    l2_tables[2].entries[0] = (kL2PageMap + 3 * kPage) | kPresentWritable;
    for (uint64_t i = 0; i <= (kL2LatePage - kL2Code) / kPage; ++i)
        l2_tables[3].entries[i] = (kL2Code + i * kPage) | kPresentWritable;
}

}  // namespace

uint64_t build_l2_memory(SecondLevel format) {
    build_l2_tables();
    for (unsigned level = 0; level < 3; ++level)
        second_level[level].entries[0] = address_of(&second_level[level + 1]) | kTable;
    for (uint64_t i = 0; i < 4; ++i)
        map(format, kL2PageMap + i * kPage, address_of(&l2_tables[i]));
    for (uint64_t offset = 0; offset < address_of(l2_size); offset += kPage)
        map(format, kL2Code + offset, address_of(l2_load_address) + offset);
    map(format, kL2Stack, address_of(l2_stack));
    return address_of(&second_level[0]);
}

void map_late_page(SecondLevel format) {
    map(format, kL2LatePage, address_of(l2_late_page));
}

}  // namespace hypervisor
