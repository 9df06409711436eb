#include "vmm/exit_monitor/transitions.h"

#include <fmt/format.h>

#include "vmm/debug/nested/entry_failure.h"

namespace ringside::debug {

namespace {

std::string at_rip(kvm::VcpuPort& port, std::string_view level) {
    const auto general = port.general();
    return general ? fmt::format(", and {} is at 0x{:x}", level, general->rip) : std::string();
}

}  // namespace

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
    if (exit.from_l2 && !exit.entry_failed)
        return wanted == CatchSubject::VmExit
                   ? fmt::format("L2 has left to L1: {}{}", exit.words, at_rip(port, "L1"))
                   : std::string();
    return "L1's VM entry has failed: " +
           describe_entry_failure(port, machine.memory(), machine.cpu_features().physical_address_bits,
                                  exit.entry_failure) +
           at_rip(port, "L1");
}

}  // namespace ringside::debug
