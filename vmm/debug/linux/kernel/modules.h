// The modules that a Linux kernel has loaded.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "vmm/debug/linux/kernel/linux_kernel.h"

namespace ringside::debug {

struct LinuxModule {
    std::uint64_t structure = 0;  // the address of its struct module
    std::string name;
    std::uint64_t address = 0;          // of its code
    std::uint64_t code_size = 0;        // of the part that contains its code
    std::uint64_t size = 0;             // of all its memory
    std::string_view state;             // "Live", "Loading", "Unloading", as in /proc/modules
    std::optional<std::uint64_t> uses;  // not set if the kernel cannot unload modules
    std::vector<std::string> used_by;
};

struct LinuxModules {
    std::vector<LinuxModule> modules;  // the latest first
    std::string incomplete;            // a sentence if there may be more, otherwise empty
};

Result<LinuxModules> read_modules(const LinuxKernel& kernel);

// An address in a module's code: "function+0x1c" by the module's own symbols, otherwise an offset from the code's start.
std::string module_place(const LinuxKernel& kernel, const LinuxModule& module, std::uint64_t address);

}  // namespace ringside::debug
