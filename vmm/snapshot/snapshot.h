// A machine's whole state at one moment: vCPUs, interrupt controllers and timers, kvmclock, devices and memory.
//
// Threading: the server's thread, while every vCPU is parked and no int3 of a debugger is in memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "vmm/machine/machine.h"
#include "vmm/machine/page_set.h"
#include "vmm/snapshot/shared_pages.h"
#include "vmm/snapshot/vcpu_image.h"
#include "vmm/snapshot/vm_image.h"

namespace ringside::snapshot {

struct MachineState {
    struct Vcpu {
        VcpuImage image;
        std::uint64_t tsc = 0;
        std::optional<kvm::NestedState> nested = {};  // if this host's KVM has any
    };
    std::vector<Vcpu> vcpus;
    VmImage vm;
    std::uint64_t clock = 0;  // kvmclock, in ns
    std::vector<std::byte> devices;
    std::vector<machine::DiskClusters> disks;  // of those with an overlay
};

struct Snapshot {
    MachineState state;
    SharedPages memory;
    // The pages that the machine's memory may differ in now. None if any page may.
    std::optional<machine::PageSet> changed = {};
};

// Fails with the reason if this machine's state cannot be saved.
Result<void> check(machine::Machine& machine);

Result<MachineState> take_state(machine::Machine& machine);
// After the memory. The state must be of a machine of the same shape.
Result<void> put_state(machine::Machine& machine, const MachineState& wanted);

}  // namespace ringside::snapshot
