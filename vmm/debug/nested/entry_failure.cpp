#include "vmm/debug/nested/entry_failure.h"

#include <fmt/format.h>

#include "arch/x86_64/control_bits.h"
#include "arch/x86_64/entry_failures.h"
#include "arch/x86_64/vmcb.h"
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

// VMRUN takes the VMCB's address in RAX, and leaves RAX as it is.
std::string of_svm(kvm::VcpuPort& port, const machine::GuestMemory& memory, unsigned physical_address_bits) {
    const std::string how = "VMEXIT_INVALID";
    const auto general = port.general();
    if (!general)
        return how + ". " + general.error().message();
    std::vector<std::byte> image(x86::kVmcbSize);
    if (const auto read = memory.read(Gpa{general->rax}, image); !read)
        return how + ". The VMCB cannot be read: " + read.error().message();
    const auto broken = broken_rules(port, physical_address_bits, image);
    if (!broken)
        return how + ". The rules cannot be checked: " + broken.error().message();
    std::string text = how;
    for (const x86::VmcbViolation& rule : *broken)
        text += fmt::format(". {} = 0x{:x} {} (APM volume 2, {})", rule.field.name, rule.value, rule.rule,
                            rule.section);
    if (broken->empty())
        text += fmt::format(
            ". No rule that is checked here is broken by the VMCB at gpa 0x{:x}, from which the exit has "
            "removed any event to inject; `monitor vmcb check` says which rules are not",
            general->rax);
    return text;
}

}  // namespace

Result<bool> runs_inner_guest(kvm::VcpuPort& port) {
    return port.nested_state().map([](const kvm::NestedState& state) { return state.guest_mode; });
}

std::string describe_entry_failure(kvm::VcpuPort& port, const machine::GuestMemory& memory,
                                   unsigned physical_address_bits, std::string_view kvm_says) {
    const auto state = port.nested_state();
    std::string text = !state ? state.error().message()
                       : state->format == kvm::NestedState::Format::Svm
                           ? of_svm(port, memory, physical_address_bits)
                           : of_vmx(port, *state, physical_address_bits);
    if (!kvm_says.empty())
        text += fmt::format(". KVM's own check that failed: {}", kvm_says);
    return text;
}

}  // namespace ringside::debug
