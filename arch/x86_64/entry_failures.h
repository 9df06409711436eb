// Why a processor refused to enter the guest, in words.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "arch/x86_64/exit_reasons.h"

namespace ringside::x86 {

// Describes KVM_EXIT_FAIL_ENTRY's hardware reason. VMX: an exit reason with bit 31 set if the guest state
// failed a check (SDM volume 3, 27.8), otherwise a VM-instruction error number. SVM: the exit code, usually
// VMEXIT_INVALID (APM volume 2, 15.5.1). Returns the plain number if the kind of processor is not known.
std::string describe_entry_failure(std::optional<VirtualizationKind> kind, std::uint64_t reason);

// VM-instruction errors after which a rule of VM entry is broken.
inline constexpr std::uint64_t kInvalidControlFields = 7;
inline constexpr std::uint64_t kInvalidHostStateFields = 8;
// SDM volume 3, table 31-1; empty for a number that is not in it.
std::string_view vm_instruction_error(std::uint64_t number);

// The instructions that enter a guest, without prefixes (SDM volume 3, 31.3; APM volume 3, VMRUN).
enum class VmEntry : std::uint8_t { Vmlaunch, Vmresume, Vmrun };
inline constexpr std::size_t kVmEntryBytes = 3;
std::optional<VmEntry> vm_entry(std::span<const std::byte, kVmEntryBytes> code);
// Returns true if VMLAUNCH or VMRESUME can fail with this VM-instruction error, outside SMM, with a VMCS of which the
// launch state is "launched" or "clear". Never true of VMRUN.
bool can_fail_with(VmEntry entry, std::uint64_t vm_instruction_error, bool launched);

}  // namespace ringside::x86
