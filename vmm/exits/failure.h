// Tier 3 of exit recording: what KVM and the processor say when a vCPU cannot go on. Pure: a kvm_run in,
// words out.
//
// KVM_EXIT_INTERNAL_ERROR carries a suberror and up to 16 words of data, whose layout only KVM's source tells
// (arch/x86/kvm/x86.c, vmx/vmx.c). Kernels since 5.17 put the exit that they were busy with behind an
// emulation failure's instruction bytes; older ones have less, and it is then left out.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "arch/x86_64/exit_reasons.h"
#include "vmm/exits/exit_record.h"
#include "vmm/kvm/kvm_abi.h"

namespace ringside::exits {

// The processor's kind, by which hardware reasons get their names; plain numbers where it is not known.
using HostKind = std::optional<x86::VirtualizationKind>;

// Everything that `run` says about its exit, a FAIL_ENTRY or INTERNAL_ERROR: one line for each fact, without
// newlines. The first says what happened. Empty for any other exit.
std::vector<std::string> describe_failure(const kvm_run& run, HostKind kind);

// Keeps the most important of it in a record: `address` is an internal error's suberror, `value` the
// hardware's reason (bits 0-31, with bit 32 set where it is known) or FAIL_ENTRY's.
void note_failure(ExitRecord& record, const kvm_run& run);

// What note_failure() kept, in a few words; empty for an exit that is no failure.
std::string describe_failure(const ExitRecord& record, HostKind kind);

}  // namespace ringside::exits
