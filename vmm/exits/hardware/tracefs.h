// The kernel's tracing file system: where it is, and what its tracepoints look like.
#pragma once

#include <filesystem>
#include <optional>
#include <span>

#include "arch/x86_64/exit_reasons.h"
#include "vmm/base/error.h"
#include "vmm/exits/hardware/tracepoint_format.h"

namespace ringside::exits {

// The usual places, in order.
std::span<const std::filesystem::path> tracefs_locations();

// The first of `locations` that has KVM's tracepoints. The error distinguishes: not mounted, not permitted, no
// KVM events.
Result<std::filesystem::path> find_tracefs(
    std::span<const std::filesystem::path> locations = tracefs_locations());

// Reads <root>/events/kvm/<event>/format.
Result<TracepointFormat> load_kvm_tracepoint(const std::filesystem::path& root, std::string_view event);

// Which vendor's module drives this host's KVM; nothing where it is neither's, as then kvm:kvm_exit does not
// fire.
std::optional<x86::VirtualizationKind> host_virtualization(
    const std::filesystem::path& modules = "/sys/module");

// Returns true if this host's KVM uses its processor's nested paging (EPT, NPT).
bool host_has_nested_paging(const std::filesystem::path& modules = "/sys/module");

}  // namespace ringside::exits
