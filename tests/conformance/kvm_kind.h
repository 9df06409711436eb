// Which KVM the tests run on, as far as it decides what is possible.
#pragma once

#include <string>

namespace ringside::conformance {

// The driver's name under /sys/module: "kvm_intel", "kvm_amd", "kvm_pvm"; "kvm_amd in TCG" and "kvm_intel
// in Bochs" where the processor is an emulator's, which lacks what a real one has. Empty if no driver is to
// be seen.
std::string kvm_kind();

}  // namespace ringside::conformance
