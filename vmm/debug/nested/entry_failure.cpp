#include "vmm/debug/nested/entry_failure.h"

#include <fmt/format.h>

#include "arch/x86_64/control_bits.h"
#include "arch/x86_64/entry_failures.h"
#include "arch/x86_64/vmcs_words.h"
#include "vmm/debug/nested/nested_vcpu.h"
#include "vmm/debug/nested/vmcs_answers.h"

namespace ringside::debug {

namespace {

using x86::VmcsCheckStage;
using x86::VmcsField;

// How the processor reports that an entry has failed (SDM volume 3, 31.2 and 27.8).
struct Report {
    std::string text;
    std::optional<VmcsCheckStage> stage;  // of the rules that may be broken
};

Report report_of(const x86::GeneralRegisters& general, const x86::VmcsValues& vmcs) {
    if ((general.rflags & x86::rflags::kCf) != 0)
        return {"VMfailInvalid: no VMCS is current", {}};
    if ((general.rflags & x86::rflags::kZf) != 0) {
        const auto error = vmcs.get(VmcsField::VmInstructionError).value_or(0);
        Report report{fmt::format("VM-instruction error {} ({})", error, x86::vm_instruction_error(error)),
                      {}};
        if (error == x86::kInvalidControlFields)
            report.stage = VmcsCheckStage::Controls;
        if (error == x86::kInvalidHostStateFields)
            report.stage = VmcsCheckStage::Host;
        return report;
    }
    const auto reason = vmcs.get(VmcsField::ExitReason).value_or(0);
    if ((reason & x86::kVmxEntryFailed) == 0)
        return {"it has raised an exception", {}};
    Report report{fmt::format("a VM exit with reason {} ({})", reason & 0xffff,
                              x86::describe_vmcs_field(VmcsField::ExitReason, reason, vmcs)),
                  {}};
    if (x86::is_invalid_guest_state(reason))
        report.stage = VmcsCheckStage::Guest;
    return report;
}

std::string rules(kvm::VcpuPort& port, unsigned physical_address_bits, const x86::VmcsValues& vmcs,
                  VmcsCheckStage stage) {
    const auto broken = broken_rules(port, physical_address_bits, vmcs);
    if (!broken)
        return ". The rules cannot be checked: " + broken.error().message();
    std::string text;
    for (const x86::VmcsViolation& rule : *broken) {
        if (rule.stage == stage)
            text += fmt::format(". {} = 0x{:x} {} (SDM volume 3, {})", name(rule.field),
                                vmcs.get(rule.field).value_or(0), rule.rule, rule.section);
    }
    return !text.empty()
               ? text
               : ". No rule that is checked here is broken; `monitor vmcs check` says which are not";
}

std::string of_vmx(kvm::VcpuPort& port, const kvm::NestedState& state, unsigned physical_address_bits) {
    const auto vmcs = current_vmcs(state);
    if (!vmcs)
        return vmcs.error().reason;
    const auto general = port.general();
    if (!general)
        return general.error().message();
    const Report report = report_of(*general, vmcs->fields);
    return report.text +
           (report.stage ? rules(port, physical_address_bits, vmcs->fields, *report.stage) : "");
}

}  // namespace

Result<bool> runs_inner_guest(kvm::VcpuPort& port) {
    return port.nested_state().map([](const kvm::NestedState& state) { return state.guest_mode; });
}

std::string describe_entry_failure(kvm::VcpuPort& port, unsigned physical_address_bits,
                                   std::string_view kvm_says) {
    const auto state = port.nested_state();
    std::string text = !state ? state.error().message()
                       : state->format == kvm::NestedState::Format::Svm
                           ? "VMEXIT_INVALID: the VMCB breaks a rule of VMRUN (APM volume 2, 15.5.1)"
                           : of_vmx(port, *state, physical_address_bits);
    if (!kvm_says.empty())
        text += fmt::format(". KVM's own check that failed: {}", kvm_says);
    return text;
}

}  // namespace ringside::debug
