// Linux's VMCOREINFO, found in guest memory: the kernel keeps it as an ELF note at the start of a page
// (kernel/crash_core.c).
#pragma once

#include <optional>

#include "vmm/debug/dump/notes.h"
#include "vmm/debug/guest/guest_view.h"

namespace ringside::debug {

// The note with its header. Nothing if the guest has none.
std::optional<Bytes> find_vmcoreinfo(const GuestView& view);

}  // namespace ringside::debug
