// What the instruction before RIP has done, as far as it can be told. Where it began is not known: of the instructions
// that could end there, each is considered.
#pragma once

#include "vmm/debug/guest/guest_view.h"
#include "vmm/debug/run_control/exit_registers.h"

namespace ringside::debug {

// Returns true if one of them reads `size` bytes at `address`, or some of these, and writes there as well: INC, XCHG and
// the like. It is decoded with the registers that it has left.
bool may_have_read_and_written(const GuestView& view, const ExitRegisters& at, Gva address,
                               std::uint64_t size);

}  // namespace ringside::debug
