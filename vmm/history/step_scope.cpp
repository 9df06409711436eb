#include "vmm/history/step_scope.h"

#include <algorithm>

#include "arch/x86_64/instruction_effects.h"
#include "arch/x86_64/opcodes.h"
#include "vmm/machine/dirty_pages.h"

namespace ringside::history {

using snapshot::Depth;

Depth StepScope::of(const x86::GeneralRegisters& general, const x86::SystemRegisters& system) {
    if (!(system == state_.system))
        forget_pages();
    state_.general = general;
    state_.system = system;
    std::array<std::byte, x86::kMaxInstructionLength> bytes{};
    const auto code =
        std::span<const std::byte>(bytes).first(view_.fetch(system, x86::linear_pc(general, system), bytes));
    pause_ =
        code.size() >= x86::kPause.size() && std::equal(x86::kPause.begin(), x86::kPause.end(), code.begin());
    const auto effects = x86::effects(code, x86::cpu_mode(general, system));
    if (effects == x86::Effects::Anything || !stays_in_ram(code))
        return Depth::Everything;
    return effects == x86::Effects::SystemRegisters ? Depth::Events : Depth::Registers;
}

bool StepScope::stays_in_ram(std::span<const std::byte> code) {
    const auto accesses = decoder_.memory_accesses(code, state_, x86::RepeatScope::AllIterations);
    if (!accesses || !accesses->complete())
        return false;
    return std::ranges::all_of(accesses->list(), [this](const x86::MemoryAccess& access) {
        if (access.size > machine::kPageSize)  // of a string instruction: too many to examine
            return false;
        return access.size == 0 || (is_ram(access.gva) && is_ram(access.gva + (access.size - 1)));
    });
}

bool StepScope::is_ram(Gva address) {
    const std::uint64_t page = address.value / machine::kPageSize;
    std::uint64_t& known = ram_pages_[page % ram_pages_.size()];
    if (known == page)
        return true;
    const auto translation = view_.translate(state_.system, address);
    if (!translation || !view_.memory().contains(translation->gpa, 1))
        return false;
    known = page;
    return true;
}

}  // namespace ringside::history
