// A machine's state apart from its memory, as one run of bytes: the vCPUs, the interrupt controllers and the PIT, and the
// devices. Two images of one machine have the same size, so their difference is a list of words.
#pragma once

#include <cstddef>
#include <cstdint>
#include <new>
#include <span>
#include <vector>

#include "vmm/machine/machine.h"
#include "vmm/snapshot/vcpu_image.h"
#include "vmm/snapshot/vm_image.h"

namespace ringside::snapshot {

// How much of the state to examine.
enum class Depth : std::uint8_t { Registers, Events, Everything };

class MachineImage {
  public:
    MachineImage(std::size_t vcpus, std::size_t device_bytes);

    std::size_t vcpus() const { return vcpus_; }
    VcpuImage& vcpu(VcpuIndex which) {
        return *std::launder(reinterpret_cast<VcpuImage*>(bytes_.data() + offset(which)));
    }
    const VcpuImage& vcpu(VcpuIndex which) const {
        return *std::launder(reinterpret_cast<const VcpuImage*>(bytes_.data() + offset(which)));
    }
    VmImage& vm() { return *std::launder(reinterpret_cast<VmImage*>(bytes_.data() + vm_offset())); }
    const VmImage& vm() const {
        return *std::launder(reinterpret_cast<const VmImage*>(bytes_.data() + vm_offset()));
    }
    std::span<std::byte> devices() { return std::span(bytes_).subspan(devices_offset(), device_bytes_); }
    std::span<const std::byte> devices() const {
        return std::span(bytes_).subspan(devices_offset(), device_bytes_);
    }
    // Everything, padded to whole words.
    std::span<std::byte> bytes() { return bytes_; }
    std::span<const std::byte> bytes() const { return bytes_; }
    // The part that an examination of this depth of one vCPU can have changed.
    struct Part {
        std::size_t offset = 0, size = 0;
    };
    Part part(VcpuIndex which, Depth depth) const;

    friend bool operator==(const MachineImage& a, const MachineImage& b) { return a.bytes_ == b.bytes_; }

  private:
    static std::size_t offset(VcpuIndex which) { return which.value * sizeof(VcpuImage); }
    std::size_t vm_offset() const { return vcpus_ * sizeof(VcpuImage); }
    std::size_t devices_offset() const { return vm_offset() + sizeof(VmImage); }

    std::vector<std::byte> bytes_;
    std::size_t vcpus_;
    std::size_t device_bytes_;
};

// Saves and restores images, while no vCPU runs but the one whose thread calls.
class MachineImager {
  public:
    explicit MachineImager(machine::Machine& machine);

    MachineImage empty() const { return {vcpus_.size(), machine_.device_states().size()}; }
    // Of one vCPU, on its thread.
    Result<void> take_events(VcpuIndex which, MachineImage& image) {
        return vcpus_[which.value].take_events(image.vcpu(which));
    }
    // The same: everything except general and system registers, which the caller has already. With interrupt controllers
    // and devices.
    Result<void> take_rest(VcpuIndex which, MachineImage& image);
    // What one vCPU can have done to the others.
    Result<void> take_others(VcpuIndex which, MachineImage& image);
    Result<void> take(MachineImage& image);
    Result<void> put(const MachineImage& now, const MachineImage& wanted);

  private:
    machine::Machine& machine_;
    std::vector<VcpuImager> vcpus_;
};

}  // namespace ringside::snapshot
