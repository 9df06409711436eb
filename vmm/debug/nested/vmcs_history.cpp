#include "vmm/debug/nested/vmcs_history.h"

#include "vmm/debug/nested/nested_vcpu.h"
#include "vmm/debug/nested/vmcs_answers.h"

namespace ringside::debug {

void VmcsHistory::remember(Debugger& debugger) {
    by_vcpu_.clear();
    const machine::StopToken* token = debugger.stop_token();
    if (token == nullptr)
        return;
    x86::ClassSet classes;
    classes.add(x86::RegisterClass::System);
    for (std::uint32_t i = 0; i < debugger.vcpu_count(); ++i) {
        const auto loaded = debugger.state(VcpuIndex{i}).load(*token, classes);
        if (!loaded || (*loaded)->system.inner.control == 0)
            continue;  // no hypervisor: it costs nothing
        const auto state = nested_state(debugger, VcpuIndex{i});
        if (!state)
            continue;
        if (auto vmcs = current_vmcs(*state))
            by_vcpu_.insert_or_assign(i, Vmcs{*state->current_control, std::move(vmcs->fields)});
    }
}

const VmcsHistory::Vmcs* VmcsHistory::at_last_stop(VcpuIndex vcpu) const {
    const auto found = by_vcpu_.find(vcpu.value);
    return found == by_vcpu_.end() ? nullptr : &found->second;
}

}  // namespace ringside::debug
