// The machine's memory with the kernel in it, as requested on the command line.
#pragma once

#include <optional>
#include <string>

#include "vmm/boot/boot_image.h"
#include "vmm/cli/file_versions.h"
#include "vmm/cli/options.h"
#include "vmm/machine/guest_memory.h"
#include "vmm/machine/memory_file.h"

namespace ringside::cli {

struct LoadedKernel {
    machine::GuestMemory memory;
    std::optional<machine::MemoryFile> memory_file;  // that `memory` is in, to be put in place; default: none
    boot::BootState state;
    // gdb fixes the size of registers when it attaches. A flat image begins in real mode and often stays there; any
    // other kernel may reach long mode, unless all of its code is 32-bit.
    x86::GdbArchitecture architecture = x86::GdbArchitecture::X86_64;
    FileVersions files;  // that it was loaded from
};

// Reads the files again at each call. `command_line` and `kaslr_slide` take precedence over the options'.
Result<LoadedKernel> load_kernel(const RunOptions& options,
                                 const std::optional<std::string>& command_line = std::nullopt,
                                 const std::optional<std::uint64_t>& kaslr_slide = std::nullopt);

}  // namespace ringside::cli
