// A vmcore as values: the registers of each vCPU, physical memory, and VMCOREINFO. Read by libelf from an untrusted file; what
// does not fit is an error that says what.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "arch/x86_64/registers.h"
#include "vmm/base/error.h"
#include "vmm/debug/dump/notes.h"
#include "vmm/machine/guest_memory.h"

namespace ringside::debug {

struct CoreVcpu {
    x86::CpuState state;
    // The names of the registers that Ringside's own note has. QEMU's has fewer: without a note of Ringside's it is empty.
    std::set<std::string, std::less<>> registers;

    // Returns true if the file says what the register holds.
    bool known(const x86::RegisterInfo& info) const;
};

struct CoreFile {
    std::vector<CoreVcpu> vcpus;
    machine::GuestMemory memory;
    std::optional<Bytes> vmcoreinfo;
    x86::FeatureSet features;

    // Keeps the file open for its memory.
    static Result<CoreFile> open(const std::string& path);
};

}  // namespace ringside::debug
