#include "vmm/boot/linux/command_line.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "vmm/boot/loaders.h"

namespace ringside::boot::linux_boot {

Result<std::string> fitting_command_line(std::string text, std::uint64_t most) {
    if (text.size() > most)
        return reject(fmt::format("the command line of {} characters is longer than the kernel's {}",
                                  text.size(), most),
                      "Shorten --append");
    return text;
}

bool has_parameter(std::string_view command_line, std::string_view name) {
    constexpr std::string_view kBlanks = " \t\n";
    while (!command_line.empty()) {
        const auto end = std::min(command_line.find_first_of(kBlanks), command_line.size());
        if (command_line.substr(0, end) == name)
            return true;
        command_line.remove_prefix(std::min(end + 1, command_line.size()));
    }
    return false;
}

bool is_linux(std::span<const std::byte> vmlinux) {
    constexpr std::string_view kBanner = "Linux version ";
    return memmem(vmlinux.data(), vmlinux.size(), kBanner.data(), kBanner.size()) != nullptr;
}

}  // namespace ringside::boot::linux_boot
