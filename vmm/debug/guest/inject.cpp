#include "vmm/debug/guest/inject.h"

namespace ringside::debug {

Result<void> inject_nmi(machine::VcpuThread& vcpu) {
    return vcpu.call([](kvm::VcpuPort& port) -> Result<void> {
        auto events = TRY(port.events());
        if (events.nmi.pending != 0)
            return failure("nmi", "the last one has not been delivered yet", "`monitor events` shows it");
        events.nmi.pending = 1;
        events.flags |= KVM_VCPUEVENT_VALID_NMI_PENDING;
        return port.set_events(events);
    });
}

Result<void> inject_exception(machine::VcpuThread& vcpu, std::uint8_t vector,
                              std::optional<std::uint32_t> error_code) {
    return vcpu.call([=](kvm::VcpuPort& port) -> Result<void> {
        auto events = TRY(port.events());
        if (events.exception.injected != 0 || events.exception.pending != 0)
            return failure("inject", "another exception has not been delivered yet",
                           "`monitor events` shows it");
        events.exception.injected = 1;
        events.exception.nr = vector;
        events.exception.has_error_code = error_code ? 1 : 0;
        events.exception.error_code = error_code.value_or(0);
        return port.set_events(events);
    });
}

Result<void> pulse_line(const machine::Machine& machine, Gsi line) {
    if (!machine.has_vm())
        return failure("inject", "this machine has no interrupt controllers of KVM's");
    TRY(machine.vm().irq_line(line, true));
    return machine.vm().irq_line(line, false);
}

}  // namespace ringside::debug
