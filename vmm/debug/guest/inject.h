// Events that somebody other than the guest's devices gives a vCPU. They are delivered when it is entered next.
#pragma once

#include <cstdint>
#include <optional>

#include "vmm/machine/machine.h"

namespace ringside::debug {

// Fails if the last one has not been taken yet.
Result<void> inject_nmi(machine::VcpuThread& vcpu);
// `error_code` belongs to the exceptions that push one, and to no other. Fails if an exception waits already.
Result<void> inject_exception(machine::VcpuThread& vcpu, std::uint8_t vector,
                              std::optional<std::uint32_t> error_code);
// Raises an interrupt line and lowers it again.
Result<void> pulse_line(const machine::Machine& machine, Gsi line);

}  // namespace ringside::debug
