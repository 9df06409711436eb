#include "vmm/snapshot/vm_image.h"

#include <cstring>

namespace ringside::snapshot {

namespace {

template <typename T>
bool same(const T& a, const T& b) {
    return std::memcmp(&a, &b, sizeof a) == 0;
}

}  // namespace

Result<void> take_vm(const machine::Machine& machine, VmImage& image) {
    if (!machine.has_vm())
        return {};
    std::uint32_t number = 0;
    for (kvm_irqchip* chip : {&image.pic_master, &image.pic_slave, &image.ioapic}) {
        auto state = TRY(machine.vm().irqchip(number++));
        *chip = state;
    }
    auto pit = TRY(machine.vm().pit_state());
    image.pit = pit;
    return {};
}

// KVM's PIT waits until its last interrupt is acknowledged. If a PIC gets another state, that interrupt may be lost,
// and the PIT would wait forever: it is restarted.
Result<void> put_vm(const machine::Machine& machine, const VmImage& now, const VmImage& wanted) {
    if (!machine.has_vm() || same(now, wanted))
        return {};
    const auto put_chip = [&machine](const kvm_irqchip& current, const kvm_irqchip& chip) -> Result<void> {
        return same(current, chip) ? Result<void>{} : machine.vm().set_irqchip(chip);
    };
    TRY(put_chip(now.pic_master, wanted.pic_master));
    TRY(put_chip(now.pic_slave, wanted.pic_slave));
    TRY(put_chip(now.ioapic, wanted.ioapic));
    return machine.vm().set_pit_state(wanted.pit);
}

}  // namespace ringside::snapshot
