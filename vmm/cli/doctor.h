// `ringside doctor`: what this host's KVM can do, measured.
#pragma once

#include "vmm/cli/options.h"

namespace ringside::cli {

// Prints to stdout; returns the exit status.
int doctor(const DoctorOptions& options);

}  // namespace ringside::cli
