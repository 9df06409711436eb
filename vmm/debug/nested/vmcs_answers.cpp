#include "vmm/debug/nested/vmcs_answers.h"

#include <fmt/format.h>

#include "arch/x86_64/vmcb.h"
#include "arch/x86_64/vmcs12.h"
#include "arch/x86_64/vmcs_words.h"

namespace ringside::debug {

namespace {

using Rows = std::vector<std::vector<Cell>>;

// "0x0008": as many digits as the field has.
Cell padded(std::uint64_t value, unsigned bytes) {
    return {value, fmt::format("0x{:0{}x}", value, bytes * 2)};
}

void add_table(Answer& answer, std::string_view group, Rows rows) {
    if (!rows.empty())
        answer.table(std::string(group), {"field", "name", "value", "meaning"}, std::move(rows));
}

Error not_there(std::string reason) {
    return {"show the VMCS", std::move(reason), 0, std::nullopt, {}};
}

Result<Answer> no_such_field(std::string_view pattern, std::string_view command) {
    return failure("show the fields", fmt::format("no field's name contains \"{}\"", pattern),
                   fmt::format("`monitor {}` lists all of them", command));
}

}  // namespace

Result<Answer> vmcs_fields_answer(Answer answer, const x86::VmcsValues& values, std::string_view pattern,
                                  std::string_view of_the_unknown) {
    const auto fields = x86::match_vmcs_fields(pattern);
    if (fields.empty())
        return no_such_field(pattern, "vmcs");
    std::string unknown;
    for (const auto group : {x86::VmcsGroup::GuestState, x86::VmcsGroup::HostState, x86::VmcsGroup::Control,
                             x86::VmcsGroup::ExitInformation}) {
        Rows rows;
        for (const x86::VmcsField field : fields) {
            if (x86::group(field) != group)
                continue;
            if (const auto value = values.get(field))
                rows.push_back({padded(encoding(field), 2), words(name(field)), padded(*value, bytes(field)),
                                words(describe_vmcs_field(field, *value, values))});
            else
                unknown += fmt::format(" {}", name(field));
        }
        add_table(answer, name(group), std::move(rows));
    }
    if (!unknown.empty())
        answer.note(fmt::format("{}:{}", of_the_unknown, unknown));
    return answer;
}

Result<Answer> ordinary_vcpu_answer(const x86::VmcsValues& registers, std::string_view pattern,
                                    std::string_view no_exit) {
    Answer answer;
    answer.note(
        "This vCPU is not in VMX operation; its guest has not executed VMXON. The VMCS with which KVM runs "
        "it is "
        "KVM's own. These are its registers as the fields that hold them; CR0, CR4 and EFER are what the "
        "guest sees.");
    if (registers.get(x86::VmcsField::ExitReason))
        answer.note(
            "The exit information is that of the last hardware exit, from the tracepoint kvm:kvm_exit.");
    else
        answer.note(fmt::format("The last hardware exit is not known. {}", no_exit));
    return vmcs_fields_answer(std::move(answer), registers, pattern, "KVM does not tell");
}

Result<x86::Vmcs12> current_vmcs(const kvm::NestedState& state) {
    if (state.format == kvm::NestedState::Format::Svm)
        return tl::unexpected(not_there("this processor has SVM, and so VMCBs instead: `monitor vmcb`"));
    if (!state.vmxon_region)
        return tl::unexpected(
            not_there("this vCPU is not in VMX operation; its guest has not executed VMXON"));
    if (!state.current_control)
        return tl::unexpected(
            not_there(fmt::format("no VMCS is current on this vCPU, which is in VMX operation (VMXON region "
                                  "at gpa 0x{:x}); its guest has not "
                                  "executed VMPTRLD, or has cleared the VMCS with VMCLEAR",
                                  state.vmxon_region->value)));
    if (state.image.empty())
        return tl::unexpected(not_there("this KVM does not hand out the contents of the current VMCS"));
    return x86::read_vmcs12(state.image).map_error(not_there);
}

Result<Answer> current_vmcs_answer(const kvm::NestedState& state, std::string_view pattern) {
    auto vmcs = TRY(current_vmcs(state));
    Answer answer;
    answer.value("address", hex(state.current_control->value))
        .value("launch state", words(vmcs.launched ? "launched" : "clear"))
        .value("this vCPU runs", words(state.guest_mode ? "the guest's guest (L2)" : "the guest (L1)"));
    if (vmcs.abort != 0)
        answer.value("VMX abort", number(vmcs.abort));
    return vmcs_fields_answer(std::move(answer), vmcs.fields, pattern,
                              "not known, because KVM does not keep them");
}

Answer diff_answer(const x86::VmcsValues& before, const x86::VmcsValues& now) {
    Rows rows;
    for (const auto& [field, value] : now.all()) {
        const auto old = before.get(field);
        if (old && *old != value)
            rows.push_back({padded(encoding(field), 2), words(name(field)), padded(*old, bytes(field)),
                            padded(value, bytes(field)), words(describe_vmcs_field(field, value, now))});
    }
    return Answer().table("changed", {"field", "name", "before", "now", "meaning"}, std::move(rows));
}

static void add_broken_rules(Answer& answer, const x86::VmcsValues& vmcs,
                             std::span<const x86::VmcsViolation> broken) {
    Rows rows;
    for (const x86::VmcsViolation& v : broken)
        rows.push_back({words(name(v.field)), padded(vmcs.get(v.field).value_or(0), bytes(v.field)),
                        words(v.rule), words(v.section)});
    answer.table("broken rules", {"field", "value", "rule", "SDM volume 3"}, std::move(rows));
}

Answer check_answer(const x86::VmcsValues& vmcs, std::span<const x86::VmcsViolation> broken) {
    Answer answer;
    const auto last = [&](x86::VmcsField field) {
        const auto value = vmcs.get(field).value_or(0);
        answer.value(std::string(name(field)),
                     {value, fmt::format("0x{:x} ({})", value, describe_vmcs_field(field, value, vmcs))});
    };
    last(x86::VmcsField::VmInstructionError);
    last(x86::VmcsField::ExitReason);
    add_broken_rules(answer, vmcs, broken);
    if (!broken.empty())
        answer.note(fmt::format("VM entry with this VMCS ends with {}.", outcome(broken.front().stage)));
    return answer.note(
        "Not checked, because it takes memory: bitmaps, MSR lists, the VMCS that the link pointer names, "
        "the virtual TPR.");
}

Answer ordinary_check_answer(const x86::VmcsValues& registers, std::span<const x86::VmcsViolation> broken) {
    Answer answer;
    answer.note(
        "This vCPU is not in VMX operation; its guest has not executed VMXON. Its own registers are checked, "
        "by the rules for guest state.");
    add_broken_rules(answer, registers, broken);
    if (!broken.empty())
        answer.note("The processor refuses to enter the guest with them.");
    return answer;
}

Result<Answer> vmcb_answer(Answer answer, std::span<const std::byte> image, std::string_view pattern) {
    const auto fields = x86::match_vmcb_fields(pattern);
    if (fields.empty())
        return no_such_field(pattern, "vmcb");
    Rows control, save;
    for (const x86::VmcbField& field : fields) {
        if (const auto value = x86::read_vmcb(image, field))
            (field.is_control() ? control : save)
                .push_back({padded(field.offset, 2), words(field.name), padded(*value, field.bytes),
                            words(describe_vmcb_field(field, *value, image))});
    }
    add_table(answer, "control area", std::move(control));
    add_table(answer, "state-save area", std::move(save));
    return answer;
}

Answer vmcb_diff_answer(Answer answer, std::span<const std::byte> before, std::span<const std::byte> now) {
    Rows rows;
    for (const x86::VmcbField& field : x86::match_vmcb_fields({})) {
        const auto old = x86::read_vmcb(before, field), value = x86::read_vmcb(now, field);
        if (old && value && *old != *value)
            rows.push_back({padded(field.offset, 2), words(field.name), padded(*old, field.bytes),
                            padded(*value, field.bytes), words(describe_vmcb_field(field, *value, now))});
    }
    return answer.table("changed", {"field", "name", "before", "now", "meaning"}, std::move(rows));
}

Answer vmcb_check_answer(Answer answer, std::span<const std::byte> image,
                         std::span<const x86::VmcbViolation> broken) {
    const x86::VmcbField exit = x86::match_vmcb_fields("EXIT_CODE").front();
    const std::uint64_t code = x86::read_vmcb(image, exit).value_or(0);
    answer.value("EXIT_CODE",
                 {code, fmt::format("0x{:x} ({})", code, x86::describe_vmcb_field(exit, code, image))});
    Rows rows;
    for (const x86::VmcbViolation& v : broken)
        rows.push_back(
            {words(v.field.name), padded(v.value, v.field.bytes), words(v.rule), words(v.section)});
    answer.table("broken rules", {"field", "value", "rule", "APM volume 2"}, std::move(rows));
    if (!broken.empty())
        answer.note("VMRUN with this VMCB ends with VMEXIT_INVALID.");
    return answer.note("Not checked: the rules for SEV, AVIC and shadow stacks.");
}

}  // namespace ringside::debug
