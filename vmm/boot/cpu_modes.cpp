#include "vmm/boot/cpu_modes.h"

#include <array>
#include <vector>

#include "vmm/machine/layout.h"

namespace ringside::boot {

namespace {

// SDM volume 3, 2.5 (CR0, CR4) and 2.2.1 (EFER).
constexpr std::uint64_t kCr0ProtectionEnable = 1U << 0;
constexpr std::uint64_t kCr0ExtensionType = 1U << 4;  // always set
constexpr std::uint64_t kCr0Paging = 1U << 31;
constexpr std::uint64_t kCr4Pae = 1U << 5;
constexpr std::uint64_t kEferLongModeEnable = 1U << 8;
constexpr std::uint64_t kEferLongModeActive = 1U << 10;
// SDM volume 3, 10.4.4: base, globally enabled, bootstrap processor.
constexpr std::uint64_t kApicBase = layout::kLocalApic.value | 1U << 11 | 1U << 8;

// SDM volume 3, 3.4.5.1 and 3.5: segment types.
constexpr std::uint8_t kCodeType = 0xb;  // execute and read, accessed
constexpr std::uint8_t kDataType = 0x3;  // read and write, accessed
constexpr std::uint8_t kLdtType = 0x2;
constexpr std::uint8_t kBusyTssType = 0xb;

// SDM volume 3, 4.5: entries of 4-level paging.
constexpr std::uint64_t kPresent = 1U << 0;
constexpr std::uint64_t kWritable = 1U << 1;
constexpr std::uint64_t kLargePage = 1U << 7;
constexpr std::uint64_t kLargePageSize = 2 * layout::kMiB;
constexpr std::size_t kTableEntries = 512;

constexpr std::uint64_t kGdtSize = kGdtEntries * sizeof(std::uint64_t);

constexpr std::array kReservations{
    Reservation{"boot GDT", layout::kBootGdt, kGdtSize},
    Reservation{"boot page tables", layout::kBootPageTables, layout::kBootPageTablesSize},
};

// A descriptor as the GDT holds it (SDM volume 3, figure 3-8), from the value that the CPU caches.
constexpr std::uint64_t descriptor(const x86::Segment& segment) {
    const std::uint64_t limit = segment.g != 0 ? segment.limit >> 12 : segment.limit;
    return (limit & 0xffff) | (segment.base & 0xffffff) << 16 | std::uint64_t{segment.type} << 40 |
           std::uint64_t{segment.s} << 44 | std::uint64_t{segment.dpl} << 45 |
           std::uint64_t{segment.present} << 47 | (limit >> 16 & 0xf) << 48 |
           std::uint64_t{segment.avl} << 52 | std::uint64_t{segment.l} << 53 |
           std::uint64_t{segment.db} << 54 | std::uint64_t{segment.g} << 55 |
           (segment.base >> 24 & 0xff) << 56;
}

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
    const std::array<std::uint64_t, kGdtEntries> gdt{0, 0, descriptor(system.cs), descriptor(system.ds),
                                                     descriptor(system.tr)};
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
        entries[2 * kTableEntries + i] = i * kLargePageSize | kPresent | kWritable | kLargePage;
    return write_words(memory, layout::kBootPageTables, entries);
}

// Flat segments and the boot GDT. The D and L bits of CS select 32-bit or 64-bit code.
x86::SystemRegisters flat_system() {
    x86::SystemRegisters system;
    system.cs = flat_segment(kCodeSelector, kCodeType);
    set_data_segments(system, flat_segment(kDataSelector, kDataType));
    system.tr = system_segment(kTaskSelector, kBusyTssType, 0x67);
    system.ldtr = system_segment(0, kLdtType, 0);
    system.ldtr.present = 0;
    system.ldtr.unusable = 1;
    system.gdtr = {layout::kBootGdt.value, static_cast<std::uint16_t>(kGdtSize - 1)};
    system.cr0 = kCr0ProtectionEnable | kCr0ExtensionType;
    system.apic_base = kApicBase;
    return system;
}

}  // namespace

std::span<const Reservation> protected_mode_reservations() {
    return std::span(kReservations).first(1);
}
std::span<const Reservation> long_mode_reservations() {
    return kReservations;
}

x86::SystemRegisters real_mode(std::uint16_t code_selector) {
    x86::SystemRegisters system;
    system.cs = real_mode_segment(code_selector, kCodeType);
    set_data_segments(system, real_mode_segment(0, kDataType));
    system.tr = system_segment(0, kBusyTssType, 0xffff);
    system.ldtr = system_segment(0, kLdtType, 0xffff);
    system.idtr = {0, 0x3ff};  // the interrupt vector table
    system.gdtr = {0, 0xffff};
    system.cr0 = kCr0ExtensionType;
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
    system.cr0 |= kCr0Paging;
    system.cr3 = layout::kBootPageTables.value;
    system.cr4 = kCr4Pae;
    system.efer = kEferLongModeEnable | kEferLongModeActive;
    TRY(write_gdt(memory, system));
    TRY(write_identity_map(memory));
    return system;
}

}  // namespace ringside::boot
