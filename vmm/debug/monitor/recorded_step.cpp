#include "vmm/debug/monitor/recorded_step.h"

#include <fmt/format.h>

#include <array>

#include "arch/x86_64/decode.h"
#include "vmm/snapshot/image_registers.h"

namespace ringside::debug {

std::string RecordedStep::text() const {
    return fmt::format("step {}: {}0x{:x}{}  {}", step, vcpu ? fmt::format("vCPU {} ", vcpu->value) : "", rip,
                       symbol.empty() ? "" : fmt::format(" <{}>", symbol), instruction);
}

RecordedStep recorded_step(const history::History& history, const GuestView& view, const SymbolOf& symbol) {
    const VcpuIndex vcpu = history.vcpu_here();
    const x86::CpuState state = snapshot::main_registers(history.image().vcpu(vcpu));
    const Gva pc = x86::linear_pc(state.general, state.system);
    std::array<std::byte, x86::kMaxInstructionLength> bytes{};
    const auto code = std::span(bytes).first(view.fetch(state.system, pc, bytes));
    const auto decoded = x86::Decoder().disassemble(code, pc, x86::cpu_mode(state));
    const bool several = history.image().vcpus() > 1;
    return {history.step(), several ? std::optional(vcpu) : std::nullopt, state.general.rip,
            symbol(state.general.rip), decoded ? decoded->text : "(bad)"};
}

}  // namespace ringside::debug
