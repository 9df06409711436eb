// The guest asks to stop: the vCPU stops behind the instruction, which has done nothing else.

#include <fmt/format.h>

#include "arch/x86_64/trap_instructions.h"
#include "vmm/debug/run_control/vcpu_debugger.h"

namespace ringside::debug {

bool VcpuDebugger::stop_at_exchange() {
    if (!context_.guest_stops.exchange)
        return false;
    std::array<std::byte, x86::kExchangeStopBytes> code{};
    const std::size_t size = context_.view.fetch(at_.system, at_.pc(), code);
    const auto length =
        x86::exchange_stop_length(std::span(code).first(size), x86::cpu_mode(at_.general, at_.system));
    if (length == 0)
        return false;
    stop_behind(length, "xchg %bx,%bx");
    return true;
}

void VcpuDebugger::stop_behind(unsigned length, const char* instruction) {
    step_off_.end();
    const Gva pc = at_.pc();
    at_.general.rip += length;
    if (!done(at_.store_general()))
        return;
    if (recording())
        context_.recorder->irregular();
    if (record_look())
        report(gdbstub::StoppedBySignal{gdbstub::Signal::Trap, false},
               fmt::format("The guest has asked to stop ({} at {:#x}).\n", instruction, pc.value));
}

}  // namespace ringside::debug
