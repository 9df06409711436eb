// Phrases that VMX's and SVM's exit decoders share.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace ringside::x86 {

// "rax" to "r15" by encoding; "?" past the last.
std::string_view register_name(unsigned encoding);

struct PortAccess {
    std::uint16_t port = 0;
    unsigned size = 1;  // bytes
    bool in = false;
    bool string = false;
    bool rep = false;
};

// "out 0x3f8, 1 byte", "rep ins 0x1f0, 2 bytes"
std::string describe(const PortAccess& access);

// ", error code 0x2 (write, supervisor, page not present)": decoded for #PF, a plain number otherwise.
std::string error_code_suffix(std::uint8_t vector, std::uint64_t error_code);

}  // namespace ringside::x86
