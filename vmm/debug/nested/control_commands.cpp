#include "vmm/debug/nested/control_commands.h"

#include <fmt/format.h>

#include "vmm/debug/monitor/arguments.h"
#include "vmm/debug/nested/control_writes.h"
#include "vmm/debug/nested/nested_vcpu.h"

namespace ringside::debug {

namespace {

using Format = kvm::NestedState::Format;

Result<const machine::StopToken*> stopped(const Debugger& debugger, const char* operation) {
    if (debugger.stop_token() == nullptr)
        return guest_runs(operation);
    return debugger.stop_token();
}

Result<std::uint64_t> number_of(std::string_view operation, std::string_view word) {
    const auto value = parse_number(word);
    if (!value)
        return failure(std::string(operation), fmt::format("\"{}\" is not a number", word));
    return *value;
}

// ---- Writing

Result<Answer> write_vmcs(Debugger& debugger, const Arguments& arguments) {
    if (arguments.words.size() != 2)
        return failure("vmcs write", "it needs a field and a value",
                       "For example: monitor vmcs write GUEST_RIP 0x1000");
    TRY(stopped(debugger, "vmcs write"));
    const auto field = x86::find_vmcs_field(arguments.words[0]);
    if (!field)
        return failure("vmcs write", fmt::format("there is no field \"{}\"", arguments.words[0]),
                       "`monitor vmcs` lists all of them");
    const auto value = TRY(number_of("vmcs write", arguments.words[1]));
    TRY(debugger.machine().vcpu(arguments.vcpu).call([&](kvm::VcpuPort& port) {
        return write_vmcs_field(port, *field, value);
    }));
    debugger.state(arguments.vcpu).forget();
    const auto state = TRY(nested_state(debugger, arguments.vcpu));
    const auto vmcs = TRY(current_vmcs(state));
    auto answer = TRY(vmcs_fields_answer({}, vmcs.fields, name(*field), {}));
    const auto broken = broken_rules(debugger, arguments.vcpu, vmcs.fields);
    if (broken && !broken->empty())
        answer.note(
            fmt::format("VM entry with this VMCS ends with {}: {} {}. `monitor vmcs check` shows all.",
                        outcome(broken->front().stage), name(broken->front().field), broken->front().rule));
    return answer;
}

Result<Answer> write_vmcb(Debugger& debugger, const Arguments& arguments) {
    if (arguments.words.size() != 3)
        return failure("vmcb write", "it needs the VMCB's address, a field and a value",
                       "For example: monitor vmcb write 0x5000 RIP 0x1000");
    const auto* token = TRY(stopped(debugger, "vmcb write"));
    const auto address = TRY(number_of("vmcb write", arguments.words[0]));
    const auto fields = x86::match_vmcb_fields(arguments.words[1]);
    if (fields.size() != 1)
        return failure("vmcb write", fmt::format("{} fields match \"{}\"", fields.size(), arguments.words[1]),
                       "`monitor vmcb ADDRESS` lists all of them");
    const auto value = TRY(number_of("vmcb write", arguments.words[2]));
    const auto state = TRY(nested_state(debugger, arguments.vcpu));
    if (state.format == Format::Vmx)
        return failure("vmcb write", "this processor has VMX, which uses VMCSs: `monitor vmcs write`");
    if (state.current_control == Gpa{address})
        return failure("vmcb write",
                       "this vCPU runs the guest's guest (L2) with this VMCB, and the #VMEXIT overwrites it",
                       "Write it after L1's VMRUN: `monitor until vm-exit`. gdb can set L2's registers");
    auto image = TRY(read_control_page(debugger, Gpa{address}));
    TRY(write_vmcb_field(image, fields.front(), value));
    TRY(debugger.guest().write_physical(*token, Gpa{address}, image));
    image = TRY(read_control_page(debugger, Gpa{address}));
    if (const auto is = x86::read_vmcb(image, fields.front()); is != value)
        return failure("vmcb write", fmt::format("{} reads as 0x{:x}, not 0x{:x}", fields.front().name,
                                                 is.value_or(0), value));
    Answer answer;
    answer.value("address", hex(address));
    return vmcb_answer(std::move(answer), image, fields.front().name);
}

// ---- Listing

std::vector<ListedControl> listed(Debugger& debugger, const SeenControls& seen, Format format) {
    std::vector<ListedControl> list;
    for (const auto& [address, how] : seen.by_address()) {
        ListedControl control{Gpa{address}, how, false, false, {}};
        const auto state = nested_state(debugger, how.vcpu);
        control.current = state && state->current_control == Gpa{address};
        control.runs = control.current && state->guest_mode;
        if (control.current && format == Format::Vmx)
            control.image = state->image;
        else if (auto image = read_control_page(debugger, Gpa{address}))
            control.image = std::move(*image);
        list.push_back(std::move(control));
    }
    return list;
}

Result<Answer> list(Debugger& debugger, SeenControls& seen, const Arguments& arguments, Format format) {
    const auto state = TRY(nested_state(debugger, arguments.vcpu));
    if (state.format != format)
        return failure(format == Format::Vmx ? "vmcs list" : "vmcb list",
                       format == Format::Vmx
                           ? "this processor has SVM, which uses VMCBs: `monitor vmcb list`"
                           : "this processor has VMX, which uses VMCSs: `monitor vmcs list`");
    const auto rows = listed(debugger, seen, format);
    return format == Format::Vmx ? vmcs_list_answer(rows, seen.full()) : vmcb_list_answer(rows, seen.full());
}

}  // namespace

void note_controls(Debugger& debugger, SeenControls& seen) {
    for_each_control(debugger, [&seen](VcpuIndex vcpu, Gpa control) { seen.note(vcpu, control); });
}

void add_control_commands(MonitorRegistry& registry, Debugger& debugger, SeenControls& seen) {
    add_answering(registry, debugger,
                  {"vmcs list", "", "the VMCSs that were current when the guest stopped", 0,
                   [&](const Arguments& arguments) { return list(debugger, seen, arguments, Format::Vmx); }},
                  Subject::Machine);
    add_answering(registry, debugger,
                  {"vmcs write", "FIELD VALUE", "writes a field of the current VMCS, as VMWRITE does", 2,
                   [&](const Arguments& arguments) { return write_vmcs(debugger, arguments); }});
    add_answering(registry, debugger,
                  {"vmcb list", "", "the VMCBs that were in use when the guest stopped", 0,
                   [&](const Arguments& arguments) { return list(debugger, seen, arguments, Format::Svm); }},
                  Subject::Machine);
    add_answering(registry, debugger,
                  {"vmcb write", "ADDRESS FIELD VALUE",
                   "writes a field of the VMCB at a guest-physical address, and clears its clean bits", 3,
                   [&](const Arguments& arguments) { return write_vmcb(debugger, arguments); }});
}

}  // namespace ringside::debug
