#include "vmm/debug/nested/control_history.h"

#include "vmm/debug/nested/nested_vcpu.h"
#include "vmm/debug/nested/vmcs_answers.h"

namespace ringside::debug {

void ControlHistory::remember(Debugger& debugger, const SeenControls& seen) {
    forget();
    for_each_control(debugger, [&](VcpuIndex vcpu, Gpa) {
        const auto state = nested_state(debugger, vcpu);
        if (!state)
            return;
        if (auto vmcs = current_vmcs(*state))
            vmcs_by_vcpu_.insert_or_assign(vcpu.value,
                                           Vmcs{*state->current_control, std::move(vmcs->fields)});
    });
    for (const auto& [address, how] : seen.by_address()) {
        const auto state = nested_state(debugger, how.vcpu);
        if (!state || state->format != kvm::NestedState::Format::Svm)
            return;
        if (auto image = read_control_page(debugger, Gpa{address}))
            vmcb_by_address_.insert_or_assign(address, std::move(*image));
    }
}

const ControlHistory::Vmcs* ControlHistory::vmcs_at_last_stop(VcpuIndex vcpu) const {
    const auto found = vmcs_by_vcpu_.find(vcpu.value);
    return found == vmcs_by_vcpu_.end() ? nullptr : &found->second;
}

const ControlHistory::Image* ControlHistory::vmcb_at_last_stop(Gpa address) const {
    const auto found = vmcb_by_address_.find(address.value);
    return found == vmcb_by_address_.end() ? nullptr : &found->second;
}

void ControlHistory::forget() {
    vmcs_by_vcpu_.clear();
    vmcb_by_address_.clear();
}

}  // namespace ringside::debug
