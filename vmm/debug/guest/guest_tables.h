// The guest's descriptor tables, read as the processor reads them: where an interrupt leads, what a
// selector means.
#pragma once

#include <cstdint>
#include <optional>

#include "arch/x86_64/cpu_mode.h"
#include "arch/x86_64/descriptors.h"
#include "vmm/debug/guest/guest_view.h"

namespace ringside::debug {

// One interrupt or trap gate, or real-mode vector (SDM volume 3, 6.11, 6.14.1 and 20.1.4).
struct InterruptGate {
    Gva handler;
    unsigned dpl = 0;  // the least privileged level at which INT n may use it
};

// nullopt for a gate that is absent, a task gate, beyond the IDT's limit, or not readable, and in
// virtual-8086 mode.
std::optional<InterruptGate> interrupt_gate(const GuestView& view, const x86::GeneralRegisters& general,
                                            const x86::SystemRegisters& system, std::uint8_t vector);

// The IDT's entry outside real mode, whatever it is. nullopt beyond the limit, or where it cannot be read.
std::optional<x86::Gate> idt_entry(const GuestView& view, const x86::SystemRegisters& system, bool long_mode,
                                   std::uint8_t vector);

// Where INT n leads, if it does not fault at the current privilege level.
std::optional<Gva> interrupt_target(const GuestView& view, const x86::GeneralRegisters& general,
                                    const x86::SystemRegisters& system, std::uint8_t vector);

// Where IRETQ at `code` returns: the address and the privilege level (6.14.3). nullopt for an IRET of
// another operand size or outside 64-bit mode.
struct ReturnTarget {
    Gva address;
    unsigned privilege_level = 0;
};
std::optional<ReturnTarget> interrupt_return_target(const GuestView& view,
                                                    const x86::GeneralRegisters& general,
                                                    const x86::SystemRegisters& system);

// A code or data segment from the GDT or LDT, as a segment register would hold it after loading `selector` (3.4.5).
std::optional<x86::Segment> table_segment(const GuestView& view, const x86::SystemRegisters& system,
                                          std::uint16_t selector);

// Returns true if the GDT has a segment for 16-bit or 32-bit code at CPL 3, or cannot be read.
bool may_run_32_bit_user_code(const GuestView& view, const x86::SystemRegisters& system);

}  // namespace ringside::debug
