#include "vmm/debug/run_control/condition_scope.h"

#include <algorithm>

#include <fmt/format.h>

#include "arch/x86_64/register_value.h"

namespace ringside::debug {

void ConditionScope::look_at(const x86::GeneralRegisters& general, const x86::SystemRegisters& system) {
    state_.general = general;
    state_.system = system;
}

bool ConditionScope::any_holds(std::span<const std::vector<std::byte>> conditions,
                               const x86::GeneralRegisters& general, const x86::SystemRegisters& system) {
    look_at(general, system);
    return std::ranges::any_of(conditions, [this](const std::vector<std::byte>& code) {
        return gdbstub::evaluate_agent_expression(code, *this).value_or(1) != 0;
    });
}

std::string ConditionScope::run(std::span<const std::vector<std::byte>> commands,
                                const x86::GeneralRegisters& general, const x86::SystemRegisters& system) {
    look_at(general, system);
    printed_.clear();
    for (const std::vector<std::byte>& code : commands) {
        if (const auto done = gdbstub::run_agent_command(code, *this); !done)
            printed_ += fmt::format("<the breakpoint's command failed: {}>\n", to_string(done.error()));
    }
    return std::exchange(printed_, {});
}

std::optional<std::uint64_t> ConditionScope::read_register(std::uint16_t regno) {
    const auto* info = file_.find(regno);
    return info != nullptr ? x86::register_value(file_, state_, *info) : std::nullopt;
}

bool ConditionScope::read_memory(std::uint64_t address, std::span<std::byte> out) {
    return read_some(address, out) == out.size();
}

std::size_t ConditionScope::read_some(std::uint64_t address, std::span<std::byte> out) const {
    return view_.fetch(state_.system, Gva{address}, out);
}

}  // namespace ringside::debug
