#include "vmm/boot/cpu_modes.h"

#include <array>
#include <vector>

#include "arch/x86_64/control_bits.h"
#include "arch/x86_64/descriptors.h"
#include "arch/x86_64/local_apic.h"
#include "arch/x86_64/paging_rules.h"
#include "vmm/machine/layout.h"

namespace ringside::boot {

namespace {

using x86::paging::kPageSize, x86::paging::kPresent, x86::paging::kWritable;
namespace type = x86::descriptor_type;

constexpr std::uint64_t kApicBase =
    layout::kLocalApic.value | x86::apic_base_bit::kEnabled | x86::apic_base_bit::kBootstrap;
constexpr std::uint64_t kLargePageSize = 2 * layout::kMiB;
constexpr std::size_t kTableEntries = 512;

constexpr std::uint64_t kGdtSize = kGdtEntries * sizeof(std::uint64_t);

constexpr std::array kTableReservations{
    Reservation{"boot GDT", layout::kBootGdt, kGdtSize},
    Reservation{"boot page tables", layout::kBootPageTables, layout::kBootPageTablesSize},
};

x86::Segment flat_segment(std::uint16_t selector, std::uint8_t type) {
    x86::Segment segment;
    segment.limit = 0xffffffff;
    segment.selector = selector;
    segment.type = type;
    segment.s = 1;
    segment.present = 1;
    segment.db = 1;
    segment.g = 1;
    return segment;
}

x86::Segment real_mode_segment(std::uint16_t selector, std::uint8_t type) {
    x86::Segment segment;
    segment.base = std::uint64_t{selector} << 4;
    segment.limit = 0xffff;
    segment.selector = selector;
    segment.type = type;
    segment.s = 1;
    segment.present = 1;
    return segment;
}

x86::Segment system_segment(std::uint16_t selector, std::uint8_t type, std::uint32_t limit) {
    x86::Segment segment;
    segment.limit = limit;
    segment.selector = selector;
    segment.type = type;
    segment.present = 1;
    return segment;
}

void set_data_segments(x86::SystemRegisters& system, const x86::Segment& data) {
    system.ds = system.es = system.fs = system.gs = system.ss = data;
}

Result<void> write_words(const machine::GuestMemory& memory, Gpa start,
                         std::span<const std::uint64_t> words) {
    return memory.write(start, std::as_bytes(words));
}

Result<void> write_gdt(const machine::GuestMemory& memory, const x86::SystemRegisters& system) {
    const std::array<std::uint64_t, kGdtEntries> gdt{0, 0, x86::encode_descriptor(system.cs),
                                                     x86::encode_descriptor(system.ds),
                                                     x86::encode_descriptor(system.tr)};
    return write_words(memory, layout::kBootGdt, gdt);
}

Result<void> write_identity_map(const machine::GuestMemory& memory) {
    constexpr std::size_t kDirectories = 4;  // of 1 GiB each
    const std::uint64_t tables = layout::kBootPageTables.value;
    const std::uint64_t pointers = tables + layout::kPage;
    const std::uint64_t directories = pointers + layout::kPage;

    std::vector<std::uint64_t> entries(layout::kBootPageTablesSize / sizeof(std::uint64_t));
    entries[0] = pointers | kPresent | kWritable;
    for (std::size_t i = 0; i < kDirectories; ++i)
        entries[kTableEntries + i] = (directories + i * layout::kPage) | kPresent | kWritable;
    for (std::size_t i = 0; i < kDirectories * kTableEntries; ++i)
        entries[2 * kTableEntries + i] = i * kLargePageSize | kPresent | kWritable | kPageSize;
    return write_words(memory, layout::kBootPageTables, entries);
}

// Flat segments and the boot GDT. The D and L bits of CS select 32-bit or 64-bit code.
x86::SystemRegisters flat_system() {
    x86::SystemRegisters system;
    system.cs = flat_segment(kCodeSelector, type::kCodeExecuteRead);
    set_data_segments(system, flat_segment(kDataSelector, type::kDataReadWrite));
    system.tr = system_segment(kTaskSelector, type::kBusyTss, x86::kTaskStateLimit64);
    system.ldtr = system_segment(0, type::kLdt, 0);
    system.ldtr.present = 0;
    system.ldtr.unusable = 1;
    system.gdtr = {layout::kBootGdt.value, static_cast<std::uint16_t>(kGdtSize - 1)};
    system.cr0 = x86::cr0::kPe | x86::cr0::kEt;
    system.apic_base = kApicBase;
    return system;
}

}  // namespace

std::span<const Reservation> protected_mode_reservations() {
    return std::span(kTableReservations).first(1);
}
std::span<const Reservation> long_mode_reservations() {
    return kTableReservations;
}

x86::SystemRegisters real_mode(std::uint16_t code_selector) {
    x86::SystemRegisters system;
    system.cs = real_mode_segment(code_selector, type::kCodeExecuteRead);
    set_data_segments(system, real_mode_segment(0, type::kDataReadWrite));
    system.tr = system_segment(0, type::kBusyTss, 0xffff);
    system.ldtr = system_segment(0, type::kLdt, 0xffff);
    system.idtr = {0, x86::kRealModeTableLimit};
    system.gdtr = {0, 0xffff};
    system.cr0 = x86::cr0::kEt;
    system.apic_base = kApicBase;
    return system;
}

Result<x86::SystemRegisters> enter_protected_mode(const machine::GuestMemory& memory) {
    const x86::SystemRegisters system = flat_system();
    TRY(write_gdt(memory, system));
    return system;
}

Result<x86::SystemRegisters> enter_long_mode(const machine::GuestMemory& memory) {
    x86::SystemRegisters system = flat_system();
    system.cs.db = 0;
    system.cs.l = 1;
    system.cr0 |= x86::cr0::kPg;
    system.cr3 = layout::kBootPageTables.value;
    system.cr4 = x86::cr4::kPae;
    system.efer = x86::efer::kLme | x86::efer::kLma;
    TRY(write_gdt(memory, system));
    TRY(write_identity_map(memory));
    return system;
}

}  // namespace ringside::boot
