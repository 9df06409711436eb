#include "vmm/debug/nested/vmcs_history.h"

#include "vmm/debug/nested/nested_vcpu.h"
#include "vmm/debug/nested/vmcs_answers.h"

namespace ringside::debug {

void VmcsHistory::remember(Debugger& debugger) {
    by_vcpu_.clear();
    for_each_control(debugger, [&](VcpuIndex vcpu, Gpa) {
        const auto state = nested_state(debugger, vcpu);
        if (!state)
            return;
        if (auto vmcs = current_vmcs(*state))
            by_vcpu_.insert_or_assign(vcpu.value, Vmcs{*state->current_control, std::move(vmcs->fields)});
    });
}

const VmcsHistory::Vmcs* VmcsHistory::at_last_stop(VcpuIndex vcpu) const {
    const auto found = by_vcpu_.find(vcpu.value);
    return found == by_vcpu_.end() ? nullptr : &found->second;
}

}  // namespace ringside::debug
