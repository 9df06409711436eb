// An ELF vmcore of a stopped guest: every vCPU's registers, all of its memory without the debugger's breakpoints.
// Pages of zeros are holes in the file. gdb reads it by virtual address, crash and drgn by physical address.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "arch/x86_64/cpu_state.h"
#include "vmm/base/error.h"
#include "vmm/debug/dump/vmcoreinfo.h"
#include "vmm/debug/guest/guest_view.h"

namespace ringside::debug {

struct Vmcore {
    std::vector<x86::CpuState> vcpus;        // by index
    std::vector<Bytes> register_notes = {};  // registers_note() of each, or none
    std::size_t mapped_by = 0;               // the vCPU whose page tables give the virtual addresses
    std::optional<NotePlace> vmcoreinfo = {};
};

// Called while memory is written, with the number of bytes done.
using DumpProgress = std::function<void(std::uint64_t done, std::uint64_t memory)>;

struct VmcoreSummary {
    std::uint64_t memory = 0;   // bytes of the guest's memory
    std::uint64_t written = 0;  // of which are not zero
    std::size_t segments = 0;
    bool all_mappings =
        true;  // false: there are more than a file has room for, and some virtual addresses are missing
    bool vmcoreinfo = false;
};

// A file that cannot be finished is removed.
Result<VmcoreSummary> write_vmcore(const std::string& path, const Vmcore& core, const GuestView& view,
                                   const DumpProgress& progress);

}  // namespace ringside::debug
