// The CPU state in which each boot protocol enters its kernel: system registers as values, and the tables in
// guest memory that they point to.
#pragma once

#include <span>

#include "arch/x86_64/cpu_state.h"
#include "vmm/base/error.h"
#include "vmm/boot/placement.h"
#include "vmm/machine/guest_memory.h"

namespace ringside::boot {

// Selectors in the boot GDT. Linux's 64-bit protocol requires these; the others leave the choice to the
// loader.
inline constexpr std::uint16_t kCodeSelector = 0x10;
inline constexpr std::uint16_t kDataSelector = 0x18;
inline constexpr std::uint16_t kTaskSelector = 0x20;
inline constexpr std::uint64_t kGdtEntries = 5;

// The low memory that the modes below use, for place_segments().
std::span<const Reservation> protected_mode_reservations();
std::span<const Reservation> long_mode_reservations();

// Real mode with all segments at 0 except CS, whose selector is given. The interrupt vector table is empty.
x86::SystemRegisters real_mode(std::uint16_t code_selector);

// Flat 32-bit protected mode, paging off: CR0 = PE | ET, 4 GiB segments. Writes the GDT.
Result<x86::SystemRegisters> enter_protected_mode(const machine::GuestMemory& memory);

// 64-bit mode with the first 4 GiB identity-mapped in 2 MiB pages (not every host has 1 GiB pages). Writes
// the GDT and the page tables.
Result<x86::SystemRegisters> enter_long_mode(const machine::GuestMemory& memory);

}  // namespace ringside::boot
