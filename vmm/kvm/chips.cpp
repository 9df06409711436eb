#include "vmm/kvm/chips.h"

#include <algorithm>

#include "vmm/kvm/ioctl.h"
#include "vmm/kvm/vm.h"

namespace ringside::kvm {

x86::IoApic from_kvm(const kvm_ioapic_state& k) {
    x86::IoApic chip;
    chip.base = k.base_address, chip.id = k.id;
    chip.selected = k.ioregsel, chip.requested = k.irr;
    for (std::size_t pin = 0; pin < chip.pins.size(); ++pin)
        chip.pins[pin].raw = k.redirtbl[pin].bits;
    return chip;
}

x86::Pic from_kvm(const kvm_pic_state& k) {
    x86::Pic chip;
    chip.requested = k.irr, chip.in_service = k.isr, chip.masked = k.imr, chip.level_triggered = k.elcr;
    chip.raised = k.last_irr;
    chip.vector_base = k.irq_base, chip.first_input = k.priority_add;
    chip.auto_end_of_interrupt = k.auto_eoi != 0, chip.special_mask = k.special_mask != 0;
    chip.special_fully_nested = k.special_fully_nested_mode != 0, chip.initialising = k.init_state != 0;
    return chip;
}

x86::Pit from_kvm(const kvm_pit_state2& k) {
    x86::Pit chip;
    for (std::size_t i = 0; i < chip.channels.size(); ++i) {
        const kvm_pit_channel_state& from = k.channels[i];
        chip.channels[i] = {from.count, x86::pit_mode(from.mode), from.gate != 0, from.bcd != 0};
    }
    return chip;
}

x86::LocalApic from_kvm(const kvm_lapic_state& k, std::uint64_t apic_base) {
    static_assert(sizeof k.regs == x86::kLocalApicPage);
    return x86::decode_local_apic(std::as_bytes(std::span(k.regs)), apic_base);
}

x86::Activity activity_from_kvm(std::uint32_t mp_state) {
    using x86::Activity;
    switch (mp_state) {
        case KVM_MP_STATE_RUNNABLE:
            return Activity::Running;
        case KVM_MP_STATE_HALTED:
            return Activity::Halted;
        case KVM_MP_STATE_UNINITIALIZED:
            return Activity::WaitForStartup;
        case KVM_MP_STATE_INIT_RECEIVED:
            return Activity::InitReceived;
        case KVM_MP_STATE_SIPI_RECEIVED:
            return Activity::StartupReceived;
        default:
            return Activity::Unknown;
    }
}

x86::PendingEvents from_kvm(const kvm_vcpu_events& k) {
    x86::PendingEvents events;
    if (k.exception.injected != 0 || k.exception.pending != 0) {
        auto& exception = events.exception.emplace();
        exception.vector = k.exception.nr;
        exception.injected = k.exception.injected != 0;
        if (k.exception.has_error_code != 0)
            exception.error_code = k.exception.error_code;
    }
    if (k.interrupt.injected != 0)
        events.interrupt = k.interrupt.nr;
    events.software_interrupt = k.interrupt.soft != 0;
    events.shadow_of_sti = (k.interrupt.shadow & KVM_X86_SHADOW_INT_STI) != 0;
    events.shadow_of_mov_ss = (k.interrupt.shadow & KVM_X86_SHADOW_INT_MOV_SS) != 0;
    events.nmi_injected = k.nmi.injected != 0, events.nmi_pending = k.nmi.pending != 0;
    events.nmi_masked = k.nmi.masked != 0;
    events.in_smm = k.smi.smm != 0, events.smi_pending = k.smi.pending != 0;
    events.triple_fault = (k.flags & KVM_VCPUEVENT_VALID_TRIPLE_FAULT) != 0 && k.triple_fault.pending != 0;
    return events;
}

Result<x86::IoApic> Vm::io_apic() const {
    return irqchip(KVM_IRQCHIP_IOAPIC).map([](const kvm_irqchip& chip) {
        return from_kvm(chip.chip.ioapic);
    });
}

Result<x86::PicPair> Vm::pics() const {
    auto first = TRY(irqchip(KVM_IRQCHIP_PIC_MASTER));
    auto second = TRY(irqchip(KVM_IRQCHIP_PIC_SLAVE));
    return x86::PicPair{from_kvm(first.chip.pic), from_kvm(second.chip.pic)};
}

Result<x86::Pit> Vm::pit() const {
    return pit_state().map([](const kvm_pit_state2& state) { return from_kvm(state); });
}

}  // namespace ringside::kvm
