// What Linux is told in words.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "vmm/types.h"

namespace ringside::boot::linux_boot {

// What a user who gives no command line most likely wants: the console where it can be seen, a reboot that
// ends the run, and a panic that does so too, at once.
inline constexpr std::string_view kDefaultCommandLine = "console=ttyS0 reboot=k panic=-1";

inline std::string command_line(const std::string& given) {
    return given.empty() ? std::string(kDefaultCommandLine) : given;
}

// Fails if it has more characters than the kernel takes.
Result<std::string> fitting_command_line(std::string text, std::uint64_t most);

// Whether a parameter without a value is among them: "nokaslr".
bool has_parameter(std::string_view command_line, std::string_view name);

// Whether an ELF file is a Linux kernel: it has the banner that it will print first.
bool is_linux(std::span<const std::byte> vmlinux);

}  // namespace ringside::boot::linux_boot
