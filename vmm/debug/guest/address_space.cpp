// The page tables in which an address is looked up: those of one process, whatever the vCPUs run meanwhile.
#include "arch/x86_64/control_bits.h"
#include "vmm/debug/guest/entry_source.h"
#include "vmm/debug/guest/guest_view.h"

namespace ringside::debug {

namespace {

constexpr std::uint64_t kFrame = 0x000ffffffffff000;  // the address in an entry, and in CR3 of most modes
constexpr std::uint64_t kPaeRoot = 0xffffffe0;        // PAE's top table has four entries, and many fit a page
// Page-table isolation (Linux's PTI): the tables of user mode directly follow the kernel's, in one block.
constexpr std::uint64_t kIsolatedTables = 0x1000;
constexpr std::size_t kPaeTopTableSize = 32;  // the smallest: those of any mode begin with this much
constexpr std::size_t kUserEntries = 256;     // the lower half of a top table

// Where the top table lies.
std::uint64_t root(x86::PagingMode mode, std::uint64_t cr3) {
    return cr3 & (mode == x86::PagingMode::Pae ? kPaeRoot : kFrame);
}

// In long mode the lower half. A 32-bit kernel may have its part anywhere; its tables show what all processes have in
// common (in_address_space).
bool may_be_user_address(const x86::SystemRegisters& system, Gva address) {
    switch (x86::paging_mode(x86::paging_state(system))) {
        case x86::PagingMode::None:
            return false;
        case x86::PagingMode::Bits32:
        case x86::PagingMode::Pae:
            return true;
        default:
            return address.value >> 63 == 0;
    }
}

}  // namespace

bool GuestView::may_have_page_tables(std::uint64_t cr3) const {
    return memory_.contains(Gpa{cr3 & (kFrame | kPaeRoot)}, kPaeTopTableSize);
}

bool GuestView::has_page_tables(const x86::SystemRegisters& system, std::uint64_t cr3) const {
    const auto mode = x86::paging_mode(x86::paging_state(system));
    return root(mode, system.cr3) == root(mode, cr3);
}

bool GuestView::choose_address_space(std::optional<std::uint64_t> cr3) {
    if (cr3 && !may_have_page_tables(*cr3))
        return false;
    chosen_ = cr3;
    return true;
}

std::optional<std::uint64_t> GuestView::address_space_of(const x86::SystemRegisters& system,
                                                         Gva address) const {
    return may_be_user_address(system, address) ? chosen_ : std::nullopt;
}

x86::SystemRegisters GuestView::tables_for(const x86::SystemRegisters& current, Gva address) const {
    return tables_for(current, address, level_.value_or(x86::level_of(current)));
}

x86::SystemRegisters GuestView::tables_for(const x86::SystemRegisters& current, Gva address,
                                           x86::GuestLevel level) const {
    const x86::SystemRegisters system = x86::at_level(current, level);
    x86::SystemRegisters tables = system;
    if (may_be_user_address(system, address))
        tables.cr3 = chosen_.value_or(system.cr3);
    else if (!translate(system, address))
        tables.cr3 = isolated_kernel_tables(system).value_or(system.cr3);
    return tables;
}

x86::SystemRegisters GuestView::kernel_tables(const x86::SystemRegisters& system) const {
    x86::SystemRegisters tables = system;
    tables.cr3 = isolated_kernel_tables(system).value_or(system.cr3);
    return tables;
}

// A process may have two top tables (PTI) and, with PCIDs, several values of CR3. Below the top they are the same, and
// no two processes share a table there.
bool GuestView::in_address_space(const x86::SystemRegisters& system, std::uint64_t cr3, Gva address) const {
    if (has_page_tables(system, cr3))
        return true;
    EntrySource l1_memory{memory_};
    const x86::LevelMemory source{system, l1_memory, physical_address_bits_};
    x86::SystemRegisters other = system;
    other.cr3 = cr3;
    const auto here = x86::top_step(paging(system), address, source);
    const auto there = x86::top_step(paging(other), address, source);
    return here && there && (here->entry & kFrame) == (there->entry & kFrame);
}

// With page-table isolation a CPU in user mode has hardly any of the kernel mapped. The tables before its own
// are assumed to be the kernel's of the same process if they map the same user memory.
std::optional<std::uint64_t> GuestView::isolated_kernel_tables(const x86::SystemRegisters& system) const {
    if ((system.efer & x86::efer::kLma) == 0 || (system.cr3 & kIsolatedTables) == 0)
        return std::nullopt;
    const std::uint64_t own = system.cr3 & kFrame, kernels = own & ~kIsolatedTables;
    EntrySource l1_memory{memory_};
    const x86::LevelMemory source{system, l1_memory, physical_address_bits_};
    bool any = false;
    for (std::size_t i = 0; i < kUserEntries; ++i) {
        const auto mine = source(Gpa{own + i * sizeof(std::uint64_t)}, sizeof(std::uint64_t));
        const auto theirs = source(Gpa{kernels + i * sizeof(std::uint64_t)}, sizeof(std::uint64_t));
        if (!mine || !theirs || (*mine & kFrame) != (*theirs & kFrame))
            return std::nullopt;
        any = any || (*mine & kFrame) != 0;
    }
    return any ? std::optional(kernels) : std::nullopt;
}

}  // namespace ringside::debug
