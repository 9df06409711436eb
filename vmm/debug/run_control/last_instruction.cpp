#include "vmm/debug/run_control/last_instruction.h"

#include <algorithm>
#include <array>

#include "arch/x86_64/decode.h"

namespace ringside::debug {

bool may_have_read_and_written(const GuestView& view, const ExitRegisters& at, Gva address,
                               std::uint64_t size) {
    const x86::Decoder decoder;
    x86::CpuState state;
    state.general = at.general;
    state.system = at.system;
    const auto does_both = [&](const x86::MemoryAccess& access) {
        return access.read && access.write && access.gva.value < address.value + size &&
               address.value < access.gva.value + access.size;
    };
    std::array<std::byte, x86::kMaxInstructionLength> code{};
    for (std::size_t length = 1; length <= code.size(); ++length) {
        const auto bytes = std::span(code).first(length);
        state.general.rip = at.general.rip - length;
        if (view.fetch(at.system, Gva{at.pc().value - length}, bytes) < length)
            break;
        const auto accesses = decoder.memory_accesses(bytes, state);
        if (accesses && accesses->instruction_length() == length &&
            std::ranges::any_of(accesses->list(), does_both))
            return true;
    }
    return false;
}

}  // namespace ringside::debug
