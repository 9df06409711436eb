// Where an interrupt's handler is, and what the CPU pushed on the way to it.
#pragma once

#include <string>

#include "tests/conformance/scenario.h"

namespace ringside::conformance {

// After a step over INT n: the guest is at the vector's handler, with no TF in the pushed flags, or, the
// handler having run, at `after`. Returns which.
std::string require_at_handler_or(Scenario& scenario, unsigned vector, const std::string& after);

}  // namespace ringside::conformance
