// The in-kernel interrupt controllers' and timer's state, and a vCPU's events, as arch's values.
#pragma once

#include "arch/x86_64/io_apic.h"
#include "arch/x86_64/local_apic.h"
#include "arch/x86_64/pending_events.h"
#include "arch/x86_64/pic.h"
#include "vmm/kvm/kvm_abi.h"

namespace ringside::kvm {

x86::IoApic from_kvm(const kvm_ioapic_state&);
x86::Pic from_kvm(const kvm_pic_state&);
x86::Pit from_kvm(const kvm_pit_state2&);
x86::LocalApic from_kvm(const kvm_lapic_state&, std::uint64_t apic_base);
// Without the activity, which KVM_GET_MP_STATE has.
x86::PendingEvents from_kvm(const kvm_vcpu_events&);
x86::Activity activity_from_kvm(std::uint32_t mp_state);

}  // namespace ringside::kvm
