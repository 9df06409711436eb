// Guest memory as a debugger sees it: through a vCPU's page tables, with planted int3s hidden.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "arch/x86_64/cpu_state.h"
#include "arch/x86_64/page_map.h"
#include "arch/x86_64/paging.h"
#include "arch/x86_64/second_level.h"
#include "vmm/base/error.h"
#include "vmm/base/ids.h"
#include "vmm/machine/guest_memory.h"
#include "vmm/machine/planted_bytes.h"

namespace ringside::debug {

class GuestView {
  public:
    GuestView(const machine::GuestMemory& memory, machine::PlantedBytes& planted,
              unsigned physical_address_bits)
        : memory_(memory), planted_(planted), physical_address_bits_(physical_address_bits) {}

    // A page walk from the given registers.
    tl::expected<x86::Translation, x86::WalkFailure> translate(const x86::SystemRegisters&, Gva) const;

    // Reads from the start as much as can be read; the error says why not even one byte could be read.
    Result<std::size_t> read(const x86::SystemRegisters&, Gva, std::span<std::byte> out) const;
    Result<std::size_t> read_physical(Gpa, std::span<std::byte> out) const;
    // A little-endian number of 1 to 8 bytes; nullopt if not all of it can be read.
    std::optional<std::uint64_t> load(const x86::SystemRegisters&, Gva, std::size_t size) const;
    // Writes all or nothing.
    Result<void> write(const x86::SystemRegisters&, Gva, std::span<const std::byte>);
    Result<void> write_physical(Gpa, std::span<const std::byte>);

    // What a vCPU's page tables map: x86::page_map() and x86::for_each_page().
    x86::PageMap page_map(const x86::SystemRegisters&) const;
    bool for_each_page(const x86::SystemRegisters&,
                       const std::function<bool(const x86::MappedPage&)>& visit) const;
    // The virtual addresses at which the tables map a physical address: x86::find_mappings().
    std::vector<x86::MappedPage> find_mappings(const x86::SystemRegisters&, Gpa, std::size_t most) const;

    // The run of pages with equal permissions around an address.
    x86::AddressRange region(const x86::SystemRegisters&, Gva) const;

    // ---- Whose page tables an address is looked up in (address_space.cpp)

    // Makes user addresses belong to this address space, whatever the vCPUs run;
    // nullopt: to each vCPU's own. Only while every vCPU is parked. Returns false if no page table can be there.
    bool choose_address_space(std::optional<std::uint64_t> cr3);
    // Returns false if no page table can be there.
    bool may_have_page_tables(std::uint64_t cr3) const;
    // Returns true if CR3 in `system` has the same page tables as `cr3`, whatever its other bits.
    bool has_page_tables(const x86::SystemRegisters& system, std::uint64_t cr3) const;
    std::optional<std::uint64_t> chosen_address_space() const { return chosen_; }
    // The chosen address space, if it applies to this address.
    std::optional<std::uint64_t> address_space_of(const x86::SystemRegisters&, Gva) const;
    // `current` with the tables in which a client's `address` is looked up: the chosen ones for a user
    // address, and the kernel's for a kernel address that the vCPU, in user mode, does not map itself.
    x86::SystemRegisters tables_for(const x86::SystemRegisters& current, Gva address) const;
    // The same in the tables of one level, whichever is chosen.
    x86::SystemRegisters tables_for(const x86::SystemRegisters& current, Gva address,
                                    x86::GuestLevel level) const;
    // `system` with the kernel's tables, if the vCPU is in user mode and has hardly any of the kernel mapped there
    // (page-table isolation): they map everything that its own do, and the kernel.
    x86::SystemRegisters kernel_tables(const x86::SystemRegisters& system) const;
    // Returns true if the tables in `system` are those of the address space `cr3`, as regards `address`.
    bool in_address_space(const x86::SystemRegisters& system, std::uint64_t cr3, Gva address) const;

    // ---- Which level an address belongs to, if the guest is a hypervisor

    // Makes a client's addresses L1's or L2's; nullopt: those of the level that each vCPU runs.
    void choose_level(std::optional<x86::GuestLevel> level) { level_ = level; }
    std::optional<x86::GuestLevel> chosen_level() const { return level_; }

    // Up to out.size() bytes of code at an address, as the guest would fetch them but without int3s; for
    // decoding.
    std::size_t fetch(const x86::SystemRegisters&, Gva, std::span<std::byte> out) const;

    const machine::GuestMemory& memory() const { return memory_; }

  private:
    std::optional<std::uint64_t> isolated_kernel_tables(const x86::SystemRegisters&) const;
    x86::PagingState paging(const x86::SystemRegisters& system) const {
        return x86::paging_state(system, physical_address_bits_);
    }

    const machine::GuestMemory& memory_;
    machine::PlantedBytes& planted_;
    unsigned physical_address_bits_;
    std::optional<std::uint64_t> chosen_;  // a CR3
    std::optional<x86::GuestLevel> level_;
};

}  // namespace ringside::debug
