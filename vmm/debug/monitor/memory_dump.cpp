#include "vmm/debug/monitor/memory_dump.h"

#include <fmt/format.h>

#include <cctype>
#include <cstring>

namespace ringside::debug {

namespace {

constexpr std::uint64_t kMostUnits = 1U << 20;
constexpr std::size_t kLineBytes = 16;

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

std::int64_t sign_extended(std::uint64_t value, unsigned size) {
    const unsigned unused = 64 - 8 * size;
    return static_cast<std::int64_t>(value << unused) >> unused;
}

std::string character(std::uint64_t value) {
    const auto c = static_cast<unsigned char>(value);
    return std::isprint(c) != 0 ? fmt::format("'{}'", static_cast<char>(c)) : fmt::format("'\\x{:02x}'", c);
}

std::string unit(const DumpFormat& format, std::uint64_t value) {
    switch (format.letter) {
        case 'd':
            return std::to_string(sign_extended(value, format.size));
        case 'u':
            return std::to_string(value);
        case 'o':
            return fmt::format("{:#o}", value);
        case 'c':
            return character(value);
        default:
            return fmt::format("0x{:0{}x}", value, 2 * format.size);
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
    std::string text;
    for (std::size_t offset = 0; offset + format.size <= bytes.size(); offset += format.size) {
        if (offset % kLineBytes == 0)
            text += fmt::format("{}{:016x}:", offset == 0 ? "" : "\n", address + offset);
        std::uint64_t value = 0;
        std::memcpy(&value, bytes.data() + offset, format.size);
        text += " " + unit(format, value);
    }
    return text + "\n";
}

}  // namespace ringside::debug
