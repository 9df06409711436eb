// Debug events of user code on a host whose KVM cannot report them.
//
// Where KVM_SET_GUEST_DEBUG has no effect at CPL 3, an int3 or a trap flag there raises #BP or #DB in the
// guest itself. Its handlers run at CPL 0, where execution slots work: a slot on the handler's first
// instruction catches the exception as it is delivered, and the frame on the stack shows where the user code
// was. Undoing the delivery moves the vCPU back to where the exception came from, and the guest's kernel
// does not notice.
#pragma once

#include <cstdint>
#include <optional>

#include "vmm/debug/guest/guest_view.h"

namespace ringside::debug {

// What the processor pushed on the way from CPL 3 to a 64-bit handler (SDM volume 3, 6.14.2).
struct UserFrame {
    std::uint64_t rip = 0, cs = 0, rflags = 0, rsp = 0, ss = 0;
    std::uint64_t error_code = 0;  // if there is one
};

// The frame at the top of the stack of a handler that has not executed anything yet. nullopt if it does not come
// from CPL 3.
std::optional<UserFrame> user_frame(const GuestView& view, const x86::GeneralRegisters& general,
                                    const x86::SystemRegisters& system, bool has_error_code);

// Undoes the delivery. Returns false if the frame's selectors are not in the guest's GDT.
bool undo_delivery(const GuestView& view, const UserFrame& frame, x86::GeneralRegisters& general,
                   x86::SystemRegisters& system);

}  // namespace ringside::debug
