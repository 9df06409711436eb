#include "vmm/exit_monitor/transitions.h"

#include <fmt/format.h>

#include "vmm/debug/nested/entry_failure.h"

namespace ringside::debug {

namespace {

std::string at_rip(kvm::VcpuPort& port, std::string_view level) {
    const auto general = port.general();
    return general ? fmt::format(", and {} is at 0x{:x}", level, general->rip) : std::string();
}

// For an event of L1's, and at an instruction of L2's that KVM has emulated, the hardware's exit is not what L1 sees.
std::string describe_vm_exit(const LastHardwareExit& exit) {
    if (exit.made.empty())
        return "L2 has left to L1: " + exit.words;
    return fmt::format("L2 has left to L1: {}, made by KVM. The hardware's last exit was {}", exit.made,
                       exit.words);
}

}  // namespace

Result<void> can_be_hypervisor(const char* operation, const machine::Machine& machine) {
    if (machine.cpu_features().vmx_or_svm)
        return {};
    return failure(operation,
                   "this guest cannot be a hypervisor: KVM gives its processor neither VMX nor SVM",
                   "Load the host's kvm_intel or kvm_amd with nested=1");
}

std::string describe_transition(exits::CatchSubject wanted, machine::VcpuThread& thread,
                                const machine::Machine& machine, const LastHardwareExit& exit) {
    using exits::CatchSubject;
    kvm::VcpuPort& port = thread.vcpu();
    const auto in_l2 = runs_inner_guest(port);
    if (!in_l2)
        return in_l2.error().message();
    if (*in_l2)
        return wanted == CatchSubject::VmEntry ? "L1 has entered its guest (L2)" + at_rip(port, "L2")
                                               : std::string();
    if (!exit.made.empty() || (exit.from_l2 && !exit.entry_failed))
        return wanted == CatchSubject::VmExit ? describe_vm_exit(exit) + at_rip(port, "L1") : std::string();
    return std::string(kEntryHasFailed) +
           describe_entry_failure(port, machine.memory(), machine.cpu_features().physical_address_bits,
                                  exit.entry_failure) +
           at_rip(port, "L1");
}

}  // namespace ringside::debug
