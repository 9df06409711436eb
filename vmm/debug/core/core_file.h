// A vmcore as values: the registers of each vCPU, physical memory, and VMCOREINFO. libelf reads it from an untrusted
// file; an error says what is invalid.
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
    // The names of the registers in Ringside's own note. QEMU's has fewer: without Ringside's note this is empty.
    std::set<std::string, std::less<>> registers;

    // Returns true if the file has a value for the register.
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
