#include "vmm/debug/monitor/memory_dump.h"

#include <fmt/format.h>

#include <cctype>
#include <cstring>

namespace ringside::debug {

namespace {

constexpr std::uint64_t kMostUnits = 1U << 20;
// As QEMU has it: fewer bytes than larger units.
constexpr std::size_t kLineOfBytes = 8, kLineOfUnits = 16;

unsigned size_of(char letter) {
    switch (letter) {
        case 'b':
            return 1;
        case 'h':
            return 2;
        case 'w':
            return 4;
        case 'g':
            return 8;
        default:
            return 0;
    }
}

std::string character(std::uint64_t value) {
    const auto c = static_cast<unsigned char>(value);
    switch (c) {
        case '\'':
            return "'\\''";
        case '\\':
            return "'\\\\'";
        case '\n':
            return "'\\n'";
        case '\r':
            return "'\\r'";
        default:
            return c >= ' ' && c < 0x7f ? fmt::format("'{}'", static_cast<char>(c))
                                        : fmt::format("'\\x{:02x}'", c);
    }
}

// With as many places as the largest value of the size needs. As in QEMU, 'd' has a sign at 8 bytes alone.
std::string unit(const DumpFormat& format, std::uint64_t value) {
    const unsigned bits = 8 * format.size, decimals = (bits * 10 + 32) / 33;
    switch (format.letter) {
        case 'd':
            return fmt::format("{:{}}", static_cast<std::int64_t>(value), decimals);
        case 'u':
            return fmt::format("{:{}}", value, decimals);
        case 'o':
            return fmt::format("{:#{}o}", value, (bits + 2) / 3);
        case 'c':
            return character(value);
        default:
            return fmt::format("0x{:0{}x}", value, bits / 4);
    }
}

}  // namespace

Result<DumpFormat> parse_dump_format(std::string_view text) {
    DumpFormat format;
    std::uint64_t count = 0;
    bool counted = false;
    while (!text.empty() && std::isdigit(static_cast<unsigned char>(text.front())) != 0) {
        count = count * 10 + static_cast<unsigned>(text.front() - '0');
        if (count > kMostUnits)
            return failure("format", fmt::format("at most {} units are shown", kMostUnits));
        counted = true;
        text.remove_prefix(1);
    }
    if (counted && count == 0)
        return failure("format", "at least one unit is shown");
    if (counted)
        format.count = count;
    bool sized = false;
    for (const char c : text) {
        if (std::string_view("xduoc").find(c) != std::string_view::npos) {
            format.letter = c;
        } else if (const unsigned size = size_of(c); size != 0) {
            format.size = size;
            sized = true;
        } else {
            return failure("format",
                           fmt::format("'{}' is neither a format (x d u o c) nor a size (b h w g)", c));
        }
    }
    if (format.letter == 'c' && !sized)
        format.size = 1;
    return format;
}

std::string format_dump(const DumpFormat& format, std::uint64_t address, std::span<const std::byte> bytes) {
    const std::size_t line = format.size == 1 ? kLineOfBytes : kLineOfUnits;
    const std::size_t size = format.letter == 'c' ? 1 : format.size;  // of larger units each byte is shown
    std::string text;
    for (std::size_t offset = 0; offset + size <= bytes.size(); offset += size) {
        if (offset % line == 0)
            text += fmt::format("{}{:016x}:", offset == 0 ? "" : "\n", address + offset);
        std::uint64_t value = 0;
        std::memcpy(&value, bytes.data() + offset, size);
        text += " " + unit(format, value);
    }
    return text + "\n";
}

}  // namespace ringside::debug
