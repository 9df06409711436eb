// Why a processor refused to enter the guest, in words.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "arch/x86_64/exit_reasons.h"

namespace ringside::x86 {

// KVM_EXIT_FAIL_ENTRY's hardware reason. VMX: an exit reason with bit 31 set where the guest's state broke a
// rule (SDM volume 3, 27.8), else the number of a VM-instruction error. SVM: the exit code, VMEXIT_INVALID as
// a rule (APM volume 2, 15.5.1). The plain number where the processor's kind is not known.
std::string describe_entry_failure(std::optional<VirtualizationKind> kind, std::uint64_t reason);

// SDM volume 3, table 31-1; empty for a number that is not in it.
std::string_view vm_instruction_error(std::uint64_t number);

}  // namespace ringside::x86
