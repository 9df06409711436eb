// Events for a vCPU that do not come from the guest's devices. They are delivered at its next entry.
#pragma once

#include <cstdint>
#include <optional>

#include "vmm/machine/machine.h"

namespace ringside::debug {

// Fails if the last one has not been delivered yet.
Result<void> inject_nmi(machine::VcpuThread& vcpu);
// `error_code` is for the exceptions that push one, and for no others. Fails if an exception is already pending.
Result<void> inject_exception(machine::VcpuThread& vcpu, std::uint8_t vector,
                              std::optional<std::uint32_t> error_code);
// Raises an interrupt line and lowers it again.
Result<void> pulse_line(const machine::Machine& machine, Gsi line);

}  // namespace ringside::debug
