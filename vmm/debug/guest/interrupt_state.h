// The state that a vCPU's interrupts depend on, read in one visit to its thread. A running vCPU is interrupted for the
// visit, and then runs on.
#pragma once

#include "arch/x86_64/cpu_state.h"
#include "arch/x86_64/io_apic.h"
#include "arch/x86_64/local_apic.h"
#include "arch/x86_64/pending_events.h"
#include "arch/x86_64/pic.h"
#include "vmm/machine/machine.h"

namespace ringside::debug {

struct InterruptState {
    VcpuIndex vcpu;
    x86::GeneralRegisters general;
    x86::SystemRegisters system;
    x86::LocalApic local_apic;
    x86::PendingEvents events;
};

Result<InterruptState> interrupt_state(machine::VcpuThread& vcpu);

// The controllers that all vCPUs share.
Result<x86::IoApic> io_apic(const machine::Machine& machine);
Result<x86::PicPair> pics(const machine::Machine& machine);
Result<x86::Pit> pit(const machine::Machine& machine);

}  // namespace ringside::debug
