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

Result<Answer> vmcs_fields_answer(Answer answer, const x86::VmcsValues& values, std::string_view pattern) {
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
        answer.note("not known, because KVM does not keep them:" + unknown);
    return answer;
}

Result<Answer> current_vmcs_answer(const kvm::NestedState& state, std::string_view pattern) {
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
    const auto vmcs = x86::read_vmcs12(state.image);
    if (!vmcs)
        return tl::unexpected(not_there(vmcs.error()));
    Answer answer;
    answer.value("address", hex(state.current_control->value))
        .value("launch state", words(vmcs->launched ? "launched" : "clear"))
        .value("this vCPU runs", words(state.guest_mode ? "the guest's guest (L2)" : "the guest (L1)"));
    if (vmcs->abort != 0)
        answer.value("VMX abort", number(vmcs->abort));
    return vmcs_fields_answer(std::move(answer), vmcs->fields, pattern);
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

}  // namespace ringside::debug
