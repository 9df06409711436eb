// Breakpoint conditions and commands, evaluated on the vCPU's own thread: an agent expression's view of the vCPU.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "arch/x86_64/registers.h"
#include "gdbstub/agent_expression.h"
#include "vmm/debug/guest/guest_view.h"

namespace ringside::debug {

class ConditionScope : public gdbstub::AgentContext {
  public:
    ConditionScope(const x86::RegisterFile& file, const GuestView& view) : file_(file), view_(view) {}

    // Returns true if any of the conditions is true in the given state. One that cannot be evaluated counts as true:
    // the client looks again, and shows its own error.
    bool any_holds(std::span<const std::vector<std::byte>> conditions, const x86::GeneralRegisters& general,
                   const x86::SystemRegisters& system);

    // Runs the commands and returns what they print. If one fails, the output says why.
    std::string run(std::span<const std::vector<std::byte>> commands, const x86::GeneralRegisters& general,
                    const x86::SystemRegisters& system);

    std::optional<std::uint64_t> read_register(std::uint16_t regno) override;
    bool read_memory(std::uint64_t address, std::span<std::byte> out) override;
    void print(std::string_view text) override { printed_ += text; }

  protected:
    void look_at(const x86::GeneralRegisters& general, const x86::SystemRegisters& system);
    // Reads from the start as much as can be read.
    std::size_t read_some(std::uint64_t address, std::span<std::byte> out) const;

  private:
    const x86::RegisterFile& file_;
    const GuestView& view_;
    std::string printed_;
    x86::CpuState state_;  // general and system registers are current, no other
};

}  // namespace ringside::debug
