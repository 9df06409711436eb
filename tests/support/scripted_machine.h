// A machine of scripted vCPUs that have nothing to do.
#pragma once

#include "tests/support/scripted_vcpu.h"
#include "vmm/machine/machine.h"

namespace ringside::testing {

inline std::unique_ptr<machine::Machine> idle_machine(std::uint32_t vcpus, machine::VcpuObserver& observer) {
    std::vector<std::unique_ptr<kvm::VcpuPort>> ports;
    for (std::uint32_t i = 0; i < vcpus; ++i)
        ports.push_back(std::make_unique<ScriptedVcpu>(VcpuIndex{i}));
    return machine::Machine::assemble(std::move(machine::GuestMemory::create(0x200000).value()), {},
                                      std::move(ports), observer);
}

}  // namespace ringside::testing
