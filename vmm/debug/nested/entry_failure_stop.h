// Stops of a guest that is a hypervisor (L1) where it continues after a VM entry that has failed.
#pragma once

#include <string>

#include "gdbstub/target.h"
#include "vmm/debug/guest/guest_view.h"
#include "vmm/debug/target/debugger.h"
#include "vmm/kvm/vcpu_port.h"

namespace ringside::debug {

// How the VM entry has failed behind which the vCPU is parked, as describe_entry_failure() says it; empty if it is not
// parked behind one, or that is not certain. On the vCPU's thread.
//
// This is judged by what a failed entry leaves, because nothing says what the vCPU has executed:
// - VMX, VMfail (SDM volume 3, 31.2): VMLAUNCH or VMRESUME before RIP, of the arithmetic flags only CF or only ZF set (no
//   comparison leaves ZF without PF), and with ZF a VM-instruction error that this instruction can have with this VMCS.
// - VMX, a VM exit (SDM volume 3, 27.8 and 28.5.3): RIP, RSP and RFLAGS as the exit loads them, and bit 31 in the exit reason.
// - SVM (APM volume 2, 15.5.1): VMRUN before RIP, and VMEXIT_INVALID in the VMCB at RAX.
std::string entry_failure_behind(kvm::VcpuPort& port, const GuestView& view, unsigned physical_address_bits);

// Adds that to what is shown with the stop, and which vCPU it is if there are several; unless an exit rule has said so
// already. Says nothing of a stop in the history, which does not have VMCSs. On the server's thread, before the client
// can change registers.
void add_entry_failure(Debugger& debugger, gdbstub::StopEvent& stop);

}  // namespace ringside::debug
