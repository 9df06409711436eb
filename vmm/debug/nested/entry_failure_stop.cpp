#include "vmm/debug/nested/entry_failure_stop.h"

#include <fmt/format.h>

#include <array>
#include <optional>

#include "arch/x86_64/arithmetic.h"
#include "arch/x86_64/cpu_mode.h"
#include "arch/x86_64/entry_failures.h"
#include "arch/x86_64/vmcb.h"
#include "vmm/debug/nested/entry_failure.h"
#include "vmm/debug/nested/vmcs_answers.h"
#include "vmm/debug/run_control/thread_ids.h"

namespace ringside::debug {

namespace {

using x86::VmcsField;
using x86::VmEntry;

// Not so of an ordinary guest, for which nothing more is looked at.
bool may_enter_guests(const x86::SystemRegisters& system) {
    return !system.inner.running &&
           ((system.cr4 & x86::cr4::kVmxe) != 0 || (system.efer & x86::efer::kSvme) != 0);
}

std::optional<VmEntry> entry_before(const x86::GeneralRegisters& general, const x86::SystemRegisters& system,
                                    const GuestView& view) {
    std::array<std::byte, x86::kVmEntryBytes> code{};
    const Gva start{x86::linear_pc(general, system).value - code.size()};
    return view.fetch(system, start, code) == code.size() ? x86::vm_entry(code) : std::nullopt;
}

bool is_after_vm_exit(const x86::GeneralRegisters& general, const x86::VmcsValues& vmcs) {
    // These two may be the debugger's.
    constexpr std::uint64_t kNotLoaded = x86::rflags::kTf | x86::rflags::kRf;
    return general.rip == vmcs.get(VmcsField::HostRip) && general.rsp == vmcs.get(VmcsField::HostRsp) &&
           (general.rflags & ~kNotLoaded) == x86::rflags::kReserved1;
}

bool has_failed(const x86::GeneralRegisters& general, std::optional<VmEntry> before,
                const kvm::NestedState& state) {
    const bool entry = before == VmEntry::Vmlaunch || before == VmEntry::Vmresume;
    const std::uint64_t flags = general.rflags & x86::kArithmeticFlags;
    if (!state.current_control)
        return state.vmxon_region && entry && flags == x86::rflags::kCf;
    const auto vmcs = current_vmcs(state);
    if (!vmcs)
        return false;
    const auto value = [&](VmcsField field) { return vmcs->fields.get(field).value_or(0); };
    if (entry && flags == x86::rflags::kZf)
        return x86::can_fail_with(*before, value(VmcsField::VmInstructionError), vmcs->launched);
    return is_after_vm_exit(general, vmcs->fields) &&
           (value(VmcsField::ExitReason) & x86::kVmxEntryFailed) != 0;
}

bool vmrun_has_failed(const x86::GeneralRegisters& general, std::optional<VmEntry> before,
                      const machine::GuestMemory& memory) {
    std::vector<std::byte> image(x86::kVmcbSize);
    if (before != VmEntry::Vmrun || !memory.read(Gpa{general.rax}, image))
        return false;
    const auto code = x86::read_vmcb(image, x86::match_vmcb_fields("EXIT_CODE").front()).value_or(0);
    // KVM stores 32 bits of it or, in some versions, 64.
    return static_cast<x86::SvmExitCode>(static_cast<std::uint32_t>(code)) == x86::SvmExitCode::Invalid;
}

}  // namespace

std::string entry_failure_behind(kvm::VcpuPort& port, const GuestView& view, unsigned physical_address_bits) {
    const auto general = port.general();
    const auto system = port.system();
    const auto state = port.nested_state();
    if (!general || !system || !state || state->guest_mode || x86::privilege_level(*general, *system) != 0)
        return {};
    const auto before = entry_before(*general, *system, view);
    const bool failed = state->format == kvm::NestedState::Format::Svm
                            ? vmrun_has_failed(*general, before, view.memory())
                            : has_failed(*general, before, *state);
    return failed ? describe_entry_failure(port, view.memory(), physical_address_bits, {}) : std::string();
}

void add_entry_failure(Debugger& debugger, gdbstub::StopEvent& stop) {
    const machine::StopToken* token = debugger.stop_token();
    const VcpuIndex vcpu = vcpu_of(stop.thread);
    if (token == nullptr || vcpu.value >= debugger.vcpu_count() || debugger.time_travel().in_past() ||
        stop.console.find(kEntryHasFailed) != std::string::npos)
        return;
    x86::ClassSet classes;
    classes.add(x86::RegisterClass::System);
    const auto state = debugger.state(vcpu).load(*token, classes);
    if (!state || !may_enter_guests((*state)->system))
        return;
    const auto text = debugger.machine().vcpu(vcpu).call([&](kvm::VcpuPort& port) {
        return entry_failure_behind(port, debugger.view(),
                                    debugger.machine().cpu_features().physical_address_bits);
    });
    if (text.empty())
        return;
    if (debugger.vcpu_count() > 1)
        stop.console += fmt::format("vCPU {}: ", vcpu.value);
    stop.console += std::string(kEntryHasFailed) + text + "\n";
}

}  // namespace ringside::debug
