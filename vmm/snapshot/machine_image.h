// A machine's state apart from its memory, as one run of bytes: the boot vCPU, the interrupt controllers and the PIT,
// and the devices. Two images of one machine have the same size, so their difference is a list of words.
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
    explicit MachineImage(std::size_t device_bytes);

    VcpuImage& vcpu() { return *std::launder(reinterpret_cast<VcpuImage*>(bytes_.data())); }
    const VcpuImage& vcpu() const { return *std::launder(reinterpret_cast<const VcpuImage*>(bytes_.data())); }
    VmImage& vm() { return *std::launder(reinterpret_cast<VmImage*>(bytes_.data() + kVm)); }
    const VmImage& vm() const { return *std::launder(reinterpret_cast<const VmImage*>(bytes_.data() + kVm)); }
    std::span<std::byte> devices() { return std::span(bytes_).subspan(kDevices, device_bytes_); }
    std::span<const std::byte> devices() const { return std::span(bytes_).subspan(kDevices, device_bytes_); }
    // Everything, padded to whole words.
    std::span<std::byte> bytes() { return bytes_; }
    std::span<const std::byte> bytes() const { return bytes_; }
    // The part that an examination of this depth can have changed.
    std::span<const std::byte> bytes(Depth depth) const;

    friend bool operator==(const MachineImage& a, const MachineImage& b) { return a.bytes_ == b.bytes_; }

  private:
    static constexpr std::size_t kVm = sizeof(VcpuImage);
    static constexpr std::size_t kDevices = kVm + sizeof(VmImage);
    std::vector<std::byte> bytes_;
    std::size_t device_bytes_;
};

// Saves and restores images; on the vCPU's thread.
class MachineImager {
  public:
    MachineImager(machine::Machine& machine, VcpuIndex vcpu)
        : machine_(machine), vcpu_(machine.vcpu(vcpu).vcpu()) {}

    MachineImage empty() const { return MachineImage(machine_.device_states().size()); }
    // Everything except general and system registers, which the caller has already.
    Result<void> take_rest(MachineImage&);
    Result<void> take_events(MachineImage& image) { return vcpu_.take_events(image.vcpu()); }
    Result<void> take(MachineImage&);
    Result<void> put(const MachineImage& now, const MachineImage& wanted);

  private:
    machine::Machine& machine_;
    VcpuImager vcpu_;
};

}  // namespace ringside::snapshot
