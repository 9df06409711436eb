// The lab as the host of a machine: an emulated machine with KVM of its own, run by a program in Python that takes the
// place of this process and is handed the parsed command line as JSON.
#pragma once

#include <filesystem>
#include <string>

#include "vmm/cli/host_choice.h"
#include "vmm/cli/options.h"

namespace ringside::cli {

// Where the lab's program is: $RINGSIDE_LAB, or tests/lab of a source tree that `program` was built in, or
// share/ringside/lab of where it is installed.
Result<std::filesystem::path> find_lab(const std::filesystem::path& program);

// What the lab's program is handed (tests/lab/ringlab/handover.py reads it).
std::string handover(Host host, const ParsedCommandLine& parsed, const std::filesystem::path& program);

// Replaces this process. Returns only if that fails.
Error run_in_lab(Host host, const ParsedCommandLine& parsed);

}  // namespace ringside::cli
