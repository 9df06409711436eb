#include "arch/x86_64/exit_words.h"

#include <fmt/format.h>

#include <array>

#include "arch/x86_64/exceptions.h"

namespace ringside::x86 {

std::string_view register_name(unsigned encoding) {
    constexpr std::array<std::string_view, 16> kNames{"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
                                                      "r8",  "r9",  "r10", "r11", "r12", "r13", "r14", "r15"};
    return encoding < kNames.size() ? kNames[encoding] : "?";
}

std::string describe(const PortAccess& access) {
    return fmt::format("{}{}{} 0x{:x}, {} {}", access.rep ? "rep " : "", access.in ? "in" : "out",
                       access.string ? "s" : "", access.port, access.size,
                       access.size == 1 ? "byte" : "bytes");
}

std::string error_code_suffix(std::uint8_t vector, std::uint64_t error_code) {
    if (static_cast<ExceptionVector>(vector) == ExceptionVector::PageFault)
        return fmt::format(", error code 0x{:x} ({})", error_code, describe_page_fault_error(error_code));
    return fmt::format(", error code 0x{:x}", error_code);
}

}  // namespace ringside::x86
