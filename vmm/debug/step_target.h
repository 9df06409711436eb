// Where an instruction that enters the kernel's side leads to: INT n, SYSCALL, SYSENTER.
//
// Hardware clears TF on the way into a handler, so a single-step would run through the whole of it, and the
// TF that the debugger had set would be seen in the pushed RFLAGS or in R11. Such an instruction is stepped
// with an execution slot at its target instead.
#pragma once

#include <cstdint>
#include <optional>

#include "arch/x86_64/cpu_mode.h"
#include "vmm/debug/guest_view.h"

namespace ringside::debug {

// The linear address of the handler of a vector: through the IVT in real mode (SDM volume 3, 20.1.4), else
// the IDT (6.11 and 6.14.1). Nothing if the gate is absent, is a task gate, or may not be used by INT n at
// this privilege level: the instruction will fault.
std::optional<Gva> interrupt_target(const GuestView& view, const x86::GeneralRegisters& general,
                                    const x86::SystemRegisters& system, std::uint8_t vector);

}  // namespace ringside::debug
