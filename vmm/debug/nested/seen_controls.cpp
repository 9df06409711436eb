#include "vmm/debug/nested/seen_controls.h"

#include <fmt/format.h>

#include "arch/x86_64/vmcb.h"
#include "arch/x86_64/vmcs_words.h"

namespace ringside::debug {

namespace {

using Row = std::vector<Cell>;

Row beginning(const ListedControl& control) {
    return {hex(control.address.value), number(control.seen.vcpu.value), number(control.seen.stops),
            words(control.runs      ? "L2 runs"
                  : control.current ? "current"
                                    : "was in use")};
}

Cell not_known(std::string_view why) {
    return {nullptr, std::string(why)};
}

// The VMCS that KVM has written into the guest's memory, or why its fields are not known.
void add_vmcs(Row& row, const ListedControl& control) {
    const auto vmcs = x86::read_vmcs12(control.image);
    if (!vmcs) {
        row.insert(row.end(), {not_known("not known"), not_known("-"), not_known("-"), not_known("-")});
        return;
    }
    const auto field = [&](x86::VmcsField f) { return hex(vmcs->fields.get(f).value_or(0)); };
    const auto reason = vmcs->fields.get(x86::VmcsField::ExitReason).value_or(0);
    row.insert(row.end(),
               {words(vmcs->launched ? "launched" : "clear"), field(x86::VmcsField::EptPointer),
                field(x86::VmcsField::GuestRip),
                Cell{reason, x86::describe_vmcs_field(x86::VmcsField::ExitReason, reason, vmcs->fields)}});
}

void add_vmcb(Row& row, const ListedControl& control) {
    for (const std::string_view name : {"GUEST_ASID", "N_CR3", "RIP", "EXIT_CODE"}) {
        const x86::VmcbField field = x86::match_vmcb_fields(name).front();
        const auto value = x86::read_vmcb(control.image, field);
        const auto text = value ? x86::describe_vmcb_field(field, *value, control.image) : std::string();
        row.push_back(!value ? not_known("not known") : text.empty() ? hex(*value) : Cell{*value, text});
    }
}

std::vector<Row> rows_of(std::span<const ListedControl> list, void (*add)(Row&, const ListedControl&)) {
    std::vector<Row> rows;
    for (const ListedControl& control : list) {
        Row row = beginning(control);
        add(row, control);
        rows.push_back(std::move(row));
    }
    return rows;
}

void note_if_full(Answer& answer, bool full) {
    if (full)
        answer.note(fmt::format("More than {} were seen: the later ones are left out.", SeenControls::kMost));
}

}  // namespace

void SeenControls::note(VcpuIndex vcpu, Gpa control) {
    if (full() && !seen_.contains(control.value))
        return;
    Seen& seen = seen_[control.value];
    seen.vcpu = vcpu;
    ++seen.stops;
}

Answer vmcs_list_answer(std::span<const ListedControl> list, bool full) {
    Answer answer;
    answer.table(
        "VMCSs",
        {"address", "vcpu", "stops", "now", "launch state", "EPT_POINTER", "GUEST_RIP", "EXIT_REASON"},
        rows_of(list, add_vmcs));
    answer.note(
        "KVM tells only which VMCS is current. The others were current at an earlier stop; one that was "
        "loaded and left between two stops is not in this list. Their fields are those that KVM wrote to "
        "memory at "
        "VMCLEAR, or when another VMCS was loaded.");
    note_if_full(answer, full);
    return answer;
}

Answer vmcb_list_answer(std::span<const ListedControl> list, bool full) {
    Answer answer;
    answer.table("VMCBs", {"address", "vcpu", "stops", "now", "GUEST_ASID", "N_CR3", "RIP", "EXIT_CODE"},
                 rows_of(list, add_vmcb));
    answer.note(
        "KVM tells which VMCB is in use only while its guest (L2) runs. The others were in use at an earlier "
        "stop; one whose guest ran only between two stops is not in this list. The fields are those in "
        "memory.");
    note_if_full(answer, full);
    return answer;
}

}  // namespace ringside::debug
