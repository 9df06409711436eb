#include "tests/conformance/handler.h"

#include "tests/conformance/mismatch.h"

namespace ringside::conformance {

namespace {

constexpr std::uint64_t kTrapFlag = 0x100;

// The offset in the vector's gate (SDM volume 3, 6.11, 6.14.1 and 20.1.4).
std::uint64_t handler(Debuggee& guest, Mode mode, unsigned vector) {
    const std::uint64_t table = guest.reg("idtr_base");
    if (mode == Mode::Real)
        return guest.read_number(table + 4 * vector, 2);
    const std::uint64_t gate = table + (mode == Mode::Protected ? 8 : 16) * vector;
    const std::uint64_t low = guest.read_number(gate, 2) | guest.read_number(gate + 6, 2) << 16;
    return mode == Mode::Protected ? low : low | guest.read_number(gate + 8, 4) << 32;
}

}  // namespace

std::string require_at_handler_or(Scenario& scenario, unsigned vector, const std::string& after) {
    Debuggee& guest = scenario.guest();
    const std::size_t word = word_size(scenario.mode());
    if (guest.rip() == handler(guest, scenario.mode(), vector)) {
        const std::uint64_t stack = scenario.word("rsp");
        require_equal("the pushed RIP", guest.read_number(stack, word), guest.symbol(after));
        require_equal("TF in the pushed flags", guest.read_number(stack + 2 * word, word) & kTrapFlag, 0);
        return "to its handler";
    }
    guest.require_at(after);
    return "over its handler";
}

}  // namespace ringside::conformance
