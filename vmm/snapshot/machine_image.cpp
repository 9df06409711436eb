#include "vmm/snapshot/machine_image.h"

#include <cstddef>
#include <cstring>

namespace ringside::snapshot {

namespace {

template <typename T>
bool same(const T& a, const T& b) {
    return std::memcmp(&a, &b, sizeof a) == 0;
}

}  // namespace

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

Result<void> MachineImager::take_vm(VmImage& image) const {
    if (!machine_.has_vm())
        return {};
    std::uint32_t number = 0;
    for (kvm_irqchip* chip : {&image.pic_master, &image.pic_slave, &image.ioapic}) {
        auto state = TRY(machine_.vm().irqchip(number++));
        *chip = state;
    }
    auto pit = TRY(machine_.vm().pit_state());
    image.pit = pit;
    return {};
}

Result<void> MachineImager::put_vm(const VmImage& now, const VmImage& wanted) const {
    if (!machine_.has_vm())
        return {};
    const auto put_chip = [this](const kvm_irqchip& current, const kvm_irqchip& chip) -> Result<void> {
        return same(current, chip) ? Result<void>{} : machine_.vm().set_irqchip(chip);
    };
    TRY(put_chip(now.pic_master, wanted.pic_master));
    TRY(put_chip(now.pic_slave, wanted.pic_slave));
    TRY(put_chip(now.ioapic, wanted.ioapic));
    return same(now.pit, wanted.pit) ? Result<void>{} : machine_.vm().set_pit_state(wanted.pit);
}

Result<void> MachineImager::take_rest(MachineImage& image) {
    TRY(vcpu_.take_events(image.vcpu()));
    TRY(vcpu_.take_rest(image.vcpu()));
    TRY(take_vm(image.vm()));
    machine_.device_states().save(image.devices());
    return {};
}

Result<void> MachineImager::take(MachineImage& image) {
    TRY(vcpu_.take(image.vcpu()));
    return take_rest(image);
}

// The devices first: restoring one sets its interrupt line, which the interrupt controllers' own state then settles.
Result<void> MachineImager::put(const MachineImage& now, const MachineImage& wanted) {
    machine_.device_states().restore(now.devices(), wanted.devices());
    TRY(put_vm(now.vm(), wanted.vm()));
    return vcpu_.put(now.vcpu(), wanted.vcpu());
}

}  // namespace ringside::snapshot
