// Linux's command line.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "vmm/base/error.h"

namespace ringside::boot::linux_boot {

// The default command line: the console on the serial line, a reboot that ends the run, and a panic that
// reboots at once.
inline constexpr std::string_view kDefaultCommandLine = "console=ttyS0 reboot=k panic=-1";

inline std::string command_line(const std::string& given) {
    return given.empty() ? std::string(kDefaultCommandLine) : given;
}

// Fails if the command line has more characters than the kernel accepts.
Result<std::string> fitting_command_line(std::string text, std::uint64_t most);

// Returns true if the command line has the given parameter without a value, such as "nokaslr".
bool has_parameter(std::string_view command_line, std::string_view name);

// Returns true if an ELF file is a Linux kernel, which it recognises by the banner that Linux prints first.
bool is_linux(std::span<const std::byte> vmlinux);

}  // namespace ringside::boot::linux_boot
