// The interrupt controllers and the PIT, as one plain value.
#pragma once

#include <cstdint>
#include <type_traits>

#include "vmm/machine/machine.h"

namespace ringside::snapshot {

struct VmImage {
    kvm_irqchip pic_master{}, pic_slave{}, ioapic{};
    kvm_pit_state2 pit{};
};
static_assert(std::is_trivially_copyable_v<VmImage> && sizeof(VmImage) % sizeof(std::uint64_t) == 0);

// Both do nothing to a machine without a VM, as in tests.
Result<void> take_vm(const machine::Machine&, VmImage&);
Result<void> put_vm(const machine::Machine&, const VmImage& now, const VmImage& wanted);

}  // namespace ringside::snapshot
