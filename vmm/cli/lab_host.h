// The lab as the host of a machine: an emulated machine that has KVM, run by a Python program that replaces
// this process and gets the parsed command line as JSON.
#pragma once

#include <filesystem>
#include <string>

#include "vmm/cli/host_choice.h"
#include "vmm/cli/options.h"

namespace ringside::cli {

// The path of the lab's program: $RINGSIDE_LAB, or tests/lab of the source tree in which `program` was built, or
// share/ringside/lab of the installation.
Result<std::filesystem::path> find_lab(const std::filesystem::path& program);

// The input of the lab's program (tests/lab/ringlab/handover.py reads it).
std::string handover(Host host, const ParsedCommandLine& parsed, const std::filesystem::path& program);

// Replaces this process. Returns only if that fails.
Error run_in_lab(Host host, const ParsedCommandLine& parsed);

}  // namespace ringside::cli
