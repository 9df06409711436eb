#include "vmm/debug/guest/inject.h"

#include "vmm/kvm/vcpu_events.h"

namespace ringside::debug {

Result<void> inject_nmi(machine::VcpuThread& vcpu) {
    return vcpu.call([](kvm::VcpuPort& port) -> Result<void> {
        if (!TRY(kvm::inject_nmi(port)))
            return failure("nmi", "the last one has not been delivered yet", "`monitor events` shows it");
        return {};
    });
}

Result<void> inject_exception(machine::VcpuThread& vcpu, std::uint8_t vector,
                              std::optional<std::uint32_t> error_code) {
    return vcpu.call([=](kvm::VcpuPort& port) -> Result<void> {
        if (TRY(kvm::pending_exception(port)))
            return failure("inject", "another exception has not been delivered yet",
                           "`monitor events` shows it");
        return kvm::inject_exception(port, vector, error_code);
    });
}

Result<void> pulse_line(const machine::Machine& machine, Gsi line) {
    if (!machine.has_vm())
        return failure("inject", "this machine has no interrupt controllers of KVM's");
    TRY(machine.vm().irq_line(line, true));
    return machine.vm().irq_line(line, false);
}

}  // namespace ringside::debug
