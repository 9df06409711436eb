#include "vmm/snapshot/machine_image.h"

#include <cstddef>
#include <cstring>

namespace ringside::snapshot {

MachineImage::MachineImage(std::size_t device_bytes)
    : bytes_(kDevices +
             (device_bytes + sizeof(std::uint64_t) - 1) / sizeof(std::uint64_t) * sizeof(std::uint64_t)),
      device_bytes_(device_bytes) {
    new (bytes_.data()) VcpuImage;
    new (bytes_.data() + kVm) VmImage;
}

std::span<const std::byte> MachineImage::bytes(Depth depth) const {
    switch (depth) {
        case Depth::Registers:
            return std::span(bytes_).first(offsetof(VcpuImage, events));
        case Depth::Events:
            return std::span(bytes_).first(offsetof(VcpuImage, debug));
        case Depth::Everything:
            break;
    }
    return bytes_;
}

Result<void> MachineImager::take_rest(MachineImage& image) {
    TRY(vcpu_.take_events(image.vcpu()));
    TRY(vcpu_.take_rest(image.vcpu()));
    TRY(take_vm(machine_, image.vm()));
    machine_.device_states().save(image.devices());
    return {};
}

Result<void> MachineImager::take(MachineImage& image) {
    TRY(vcpu_.take(image.vcpu()));
    return take_rest(image);
}

// The devices first: restoring one sets its interrupt line, and then the interrupt controllers' own state decides.
Result<void> MachineImager::put(const MachineImage& now, const MachineImage& wanted) {
    machine_.device_states().restore(now.devices(), wanted.devices());
    TRY(put_vm(machine_, now.vm(), wanted.vm()));
    return vcpu_.put(now.vcpu(), wanted.vcpu());
}

}  // namespace ringside::snapshot
