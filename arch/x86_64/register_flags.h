// Names for the bits of flag registers; gdb's <flags> types and the text dump are generated from them.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace ringside::x86 {

// A named bit, or field of bits [first, last].
struct FlagField {
    std::string_view name;
    std::uint8_t first = 0;
    std::uint8_t last = 0;
};

// The layout of one flag register. `id` is the type's name in the target description.
struct FlagsType {
    std::string_view id;
    std::uint8_t bytes = 8;
    std::span<const FlagField> fields;  // by ascending bit
};

std::span<const FlagsType> flags_types();
// The layout by its id, or nullptr.
const FlagsType* find_flags_type(std::string_view id);

// "IOPL=3 IF ZF": set bits by name, fields of several bits with their value if not 0; the highest bit first.
std::string format_flags(const FlagsType& type, std::uint64_t value);

}  // namespace ringside::x86
