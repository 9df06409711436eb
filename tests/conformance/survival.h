// Registers that are written, carried through an instruction of the guest, read back and restored.
#pragma once

#include <string>
#include <vector>

#include "tests/conformance/scenario.h"

namespace ringside::conformance {

struct Written {
    std::string name;
    Bytes value;
};

// Runs "plain" to its site, then does the above with all registers at once, and lets the guest come to its
// own verdict.
void require_survival(Mode mode, const std::vector<Written>& registers);

// The same where the value depends on what the register holds: these bits are flipped.
struct Flipped {
    std::string name;
    std::uint64_t bits;
};
void require_survival(Mode mode, const std::vector<Flipped>& registers);

}  // namespace ringside::conformance
