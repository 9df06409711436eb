#include "vmm/debug/nested/vmcs_commands.h"

#include <fmt/format.h>

#include "arch/x86_64/vmcb.h"
#include "arch/x86_64/vmcs_of_state.h"
#include "vmm/debug/monitor/arguments.h"
#include "vmm/debug/nested/nested_vcpu.h"
#include "vmm/debug/nested/vmcs_answers.h"
#include "vmm/kvm/vcpu_events.h"

namespace ringside::debug {

namespace {

std::string_view word(const Arguments& arguments, std::size_t i) {
    return i < arguments.words.size() ? arguments.words[i] : std::string_view{};
}

// SDM volume 3, 25.4.2.
std::uint64_t activity_state(kvm::Activity activity) {
    constexpr std::uint64_t kActive = 0, kHlt = 1, kWaitForSipi = 3;
    switch (activity) {
        case kvm::Activity::Halted:
            return kHlt;
        case kvm::Activity::WaitingForSipi:
            return kWaitForSipi;
        case kvm::Activity::Executing:
            break;
    }
    return kActive;
}

// What a VMCS of an ordinary vCPU has in its guest-state area, as far as KVM tells.
Result<x86::VmcsValues> registers_as_fields(Debugger& debugger, VcpuIndex vcpu) {
    return debugger.machine().vcpu(vcpu).call([](kvm::VcpuPort& port) -> Result<x86::VmcsValues> {
        auto general = TRY(port.general());
        auto system = TRY(port.system());
        auto debug = TRY(port.debug());
        auto fields = x86::guest_state_area(general, system, debug);
        fields.set(x86::VmcsField::GuestInterruptibilityState, TRY(kvm::interruptibility(port)));
        fields.set(x86::VmcsField::GuestActivityState, activity_state(TRY(kvm::activity(port))));
        for (const auto& [index, field] : x86::guest_state_msrs()) {
            kvm::Msr msr{index, 0};
            if (port.read_msrs({&msr, 1}).value_or(0) == 1)
                fields.set(field, msr.value);
        }
        return fields;
    });
}

// The VMCS with which it runs is KVM's own.
bool is_ordinary(const kvm::NestedState& state) {
    return state.format == kvm::NestedState::Format::Vmx && !state.vmxon_region;
}

Result<Answer> vmcs(Debugger& debugger, const LastHardwareExitOf& last_exit, const Arguments& arguments) {
    auto state = TRY(nested_state(debugger, arguments.vcpu));
    if (is_ordinary(state)) {
        auto fields = TRY(registers_as_fields(debugger, arguments.vcpu));
        const auto exit = last_exit(arguments.vcpu);
        if (exit)
            x86::set_exit_information(fields, *exit);
        return ordinary_vcpu_answer(fields, word(arguments, 0),
                                    exit ? std::string() : exit.error().message());
    }
    return current_vmcs_answer(state, word(arguments, 0));
}

Result<Answer> check(Debugger& debugger, const Arguments& arguments) {
    auto state = TRY(nested_state(debugger, arguments.vcpu));
    if (is_ordinary(state)) {
        auto fields = TRY(registers_as_fields(debugger, arguments.vcpu));
        return ordinary_check_answer(fields, x86::check_guest_state(fields));
    }
    auto vmcs = TRY(current_vmcs(state));
    auto broken = TRY(broken_rules(debugger, arguments.vcpu, vmcs.fields));
    return check_answer(vmcs.fields, broken);
}

Result<Answer> diff(Debugger& debugger, const ControlHistory& history, const Arguments& arguments) {
    const auto state = TRY(nested_state(debugger, arguments.vcpu));
    const auto vmcs = TRY(current_vmcs(state));
    const ControlHistory::Vmcs* before = history.vmcs_at_last_stop(arguments.vcpu);
    if (before != nullptr && before->address == *state.current_control)
        return diff_answer(before->fields, vmcs.fields);
    return Answer().note(
        before == nullptr
            ? std::string("There is nothing to compare with: no VMCS was current at the last stop.")
            : fmt::format("There is nothing to compare with: at the last stop the VMCS at gpa 0x{:x} was "
                          "current, and now the one at gpa 0x{:x} is.",
                          before->address.value, state.current_control->value));
}

Result<Answer> vmcb_at(const Debugger& debugger, Answer answer, Gpa address, std::string_view pattern) {
    const auto image = TRY(read_control_page(debugger, address));
    answer.value("address", hex(address.value));
    return vmcb_answer(std::move(answer), image, pattern);
}

Result<Gpa> current_vmcb(Debugger& debugger, VcpuIndex vcpu, std::string_view command) {
    auto state = TRY(nested_state(debugger, vcpu));
    if (state.format == kvm::NestedState::Format::Vmx)
        return failure("show the VMCB", "this processor has VMX, which uses VMCSs: `monitor vmcs`");
    if (!state.current_control)
        return failure(
            "show the VMCB",
            "this vCPU does not run a guest's guest (L2), and KVM says only then which VMCB is in use",
            fmt::format(
                "`monitor {} ADDRESS` takes the one at a guest-physical address, which VMRUN takes in RAX",
                command));
    return *state.current_control;
}

Result<Answer> vmcb(Debugger& debugger, const Arguments& arguments) {
    if (const auto address = parse_number(word(arguments, 0)))
        return vmcb_at(debugger, {}, Gpa{*address}, word(arguments, 1));
    if (arguments.words.size() > 1)
        return failure("show the VMCB", fmt::format("\"{}\" is not an address", arguments.words[0]));
    const Gpa current = TRY(current_vmcb(debugger, arguments.vcpu, "vmcb"));
    Answer answer;
    answer.headline(
        "The VMCB as the guest (L1) last wrote it. `monitor registers` has its guest's (L2's) registers "
        "now.");
    return vmcb_at(debugger, std::move(answer), current, word(arguments, 0));
}

// The VMCB that the only argument of a command names, or the current one.
Result<Gpa> chosen_vmcb(Debugger& debugger, const Arguments& arguments, std::string_view verb) {
    const auto operation = fmt::format("{} the VMCB", verb);
    const auto text = word(arguments, 0);
    const auto chosen = parse_number(text);
    if (!text.empty() && !chosen)
        return failure(operation, fmt::format("\"{}\" is not an address", text));
    const auto state = TRY(nested_state(debugger, arguments.vcpu));
    if (state.format == kvm::NestedState::Format::Vmx)
        return failure(operation,
                       fmt::format("this processor has VMX, which uses VMCSs: `monitor vmcs {}`", verb));
    return chosen ? Gpa{*chosen} : current_vmcb(debugger, arguments.vcpu, fmt::format("vmcb {}", verb));
}

Result<Answer> diff_vmcb(Debugger& debugger, const ControlHistory& history, const Arguments& arguments) {
    const Gpa address = TRY(chosen_vmcb(debugger, arguments, "diff"));
    const auto image = TRY(read_control_page(debugger, address));
    Answer answer;
    answer.value("address", hex(address.value));
    if (const auto* before = history.vmcb_at_last_stop(address))
        return vmcb_diff_answer(std::move(answer), *before, image);
    return answer.note(
        "There is nothing to compare with: up to the last stop no vCPU was seen to use this VMCB.");
}

Result<Answer> check_vmcb(Debugger& debugger, const Arguments& arguments) {
    const Gpa address = TRY(chosen_vmcb(debugger, arguments, "check"));
    const auto image = TRY(read_control_page(debugger, address));
    const auto broken = TRY(broken_rules(debugger, arguments.vcpu, image));
    Answer answer;
    answer.value("address", hex(address.value));
    return vmcb_check_answer(std::move(answer), image, broken);
}

}  // namespace

void add_vmcs_commands(MonitorRegistry& registry, Debugger& debugger, const ControlHistory& history,
                       LastHardwareExitOf last_exit) {
    add_answering(
        registry, debugger,
        {"vmcs", "[FIELD]",
         "the current VMCS of a guest that is a hypervisor; FIELD is a name, a part of one, or an encoding",
         1, [&debugger, last_exit = std::move(last_exit)](const Arguments& arguments) {
             return vmcs(debugger, last_exit, arguments);
         }});
    add_answering(
        registry, debugger,
        {"vmcs check", "",
         "the rules of VM entry that the current VMCS breaks, and the error that the processor reports", 0,
         [&](const Arguments& arguments) { return check(debugger, arguments); }});
    add_answering(registry, debugger,
                  {"vmcs diff", "", "the fields of the current VMCS that have changed since the last stop", 0,
                   [&](const Arguments& arguments) { return diff(debugger, history, arguments); }});
    add_answering(registry, debugger,
                  {"vmcb", "[ADDRESS] [FIELD]",
                   "the VMCB of the guest's guest that runs, or the one at a guest-physical address", 2,
                   [&](const Arguments& arguments) { return vmcb(debugger, arguments); }});
    add_answering(
        registry, debugger,
        {"vmcb diff", "[ADDRESS]",
         "the fields of a VMCB that have changed since the last stop; of one that was in use at a stop", 1,
         [&](const Arguments& arguments) { return diff_vmcb(debugger, history, arguments); }});
    add_answering(
        registry, debugger,
        {"vmcb check", "[ADDRESS]", "the rules of VMRUN that a VMCB breaks; at a VMRUN, `vmcb check $rax`", 1,
         [&](const Arguments& arguments) { return check_vmcb(debugger, arguments); }});
}

}  // namespace ringside::debug
