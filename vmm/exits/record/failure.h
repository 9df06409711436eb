// Tier 3 of exit recording: what KVM and the processor report when a vCPU cannot continue. Pure functions
// from a kvm_run to text.
//
// KVM_EXIT_INTERNAL_ERROR carries a suberror and up to 16 words of data, whose layout is documented only by
// KVM's source (arch/x86/kvm/x86.c, vmx/vmx.c). Since Linux 5.17 the exit that was being handled follows the
// instruction bytes of an emulation failure. For older kernels it is left out.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "arch/x86_64/exit_reasons.h"
#include "vmm/exits/record/exit_record.h"
#include "vmm/kvm/kvm_abi.h"

namespace ringside::exits {

// The kind of processor, which determines the names of hardware reasons. If it is not known they stay
// numbers.
using HostKind = std::optional<x86::VirtualizationKind>;

// Everything that `run` says about a FAIL_ENTRY or INTERNAL_ERROR exit: one line for each fact, without
// newlines. The first line says what happened. Empty for any other exit.
std::vector<std::string> describe_failure(const kvm_run& run, HostKind kind);

// Keeps the most important facts in a record: `address` is an internal error's suberror, `value` the
// hardware's reason (bits 0-31, with bit 32 set if it is known) or FAIL_ENTRY's reason.
void note_failure(ExitRecord& record, const kvm_run& run);

// What note_failure() kept, in a few words; empty for an exit that is not a failure.
std::string describe_failure(const ExitRecord& record, HostKind kind);

}  // namespace ringside::exits
