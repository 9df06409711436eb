#include "vmm/snapshot/machine_image.h"

#include <cstddef>
#include <cstring>

namespace ringside::snapshot {

namespace {

constexpr std::size_t whole_words(std::size_t bytes) {
    return (bytes + sizeof(std::uint64_t) - 1) / sizeof(std::uint64_t) * sizeof(std::uint64_t);
}

}  // namespace

MachineImage::MachineImage(std::size_t vcpus, std::size_t device_bytes)
    : bytes_(vcpus * sizeof(VcpuImage) + sizeof(VmImage) + whole_words(device_bytes)),
      vcpus_(vcpus),
      device_bytes_(device_bytes) {
    for (std::uint32_t i = 0; i < vcpus; ++i)
        new (bytes_.data() + offset(VcpuIndex{i})) VcpuImage;
    new (bytes_.data() + vm_offset()) VmImage;
}

MachineImage::Part MachineImage::part(VcpuIndex which, Depth depth) const {
    switch (depth) {
        case Depth::Registers:
            return {offset(which), offsetof(VcpuImage, events)};
        case Depth::Events:
            return {offset(which), offsetof(VcpuImage, debug)};
        case Depth::Everything:
            break;
    }
    return {0, bytes_.size()};
}

MachineImager::MachineImager(machine::Machine& machine) : machine_(machine) {
    for (std::uint32_t i = 0; i < machine.vcpu_count(); ++i)
        vcpus_.emplace_back(machine.vcpu(VcpuIndex{i}).vcpu());
}

Result<void> MachineImager::take_rest(VcpuIndex which, MachineImage& image) {
    TRY(vcpus_[which.value].take_events(image.vcpu(which)));
    TRY(vcpus_[which.value].take_rest(image.vcpu(which)));
    TRY(take_vm(machine_, image.vm()));
    machine_.device_states().save(image.devices());
    return {};
}

Result<void> MachineImager::take_others(VcpuIndex which, MachineImage& image) {
    for (std::uint32_t i = 0; i < vcpus_.size(); ++i) {
        if (i == which.value)
            continue;
        VcpuImage& other = image.vcpu(VcpuIndex{i});
        TRY(machine_.vcpu(VcpuIndex{i}).call([&](kvm::VcpuPort&) { return vcpus_[i].take_sent(other); }));
    }
    return {};
}

Result<void> MachineImager::take(MachineImage& image) {
    for (std::uint32_t i = 0; i < vcpus_.size(); ++i) {
        VcpuImage& one = image.vcpu(VcpuIndex{i});
        TRY(machine_.vcpu(VcpuIndex{i}).call([&](kvm::VcpuPort&) { return vcpus_[i].take(one); }));
    }
    TRY(take_vm(machine_, image.vm()));
    machine_.device_states().save(image.devices());
    return {};
}

// The devices first: restoring one sets its interrupt line, and then the interrupt controllers' own state decides.
Result<void> MachineImager::put(const MachineImage& now, const MachineImage& wanted) {
    machine_.device_states().restore(now.devices(), wanted.devices());
    TRY(put_vm(machine_, now.vm(), wanted.vm()));
    for (std::uint32_t i = 0; i < vcpus_.size(); ++i) {
        const VcpuIndex which{i};
        TRY(machine_.vcpu(which).call(
            [&](kvm::VcpuPort&) { return vcpus_[i].put(now.vcpu(which), wanted.vcpu(which)); }));
    }
    return {};
}

}  // namespace ringside::snapshot
