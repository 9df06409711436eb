#include "gdbstub/agent_printf.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>

namespace ringside::gdbstub {
namespace {

// One conversion of a format: `%-08.3llx`.
struct Conversion {
    std::string_view layout;  // flags, width and precision
    std::size_t bytes = 4;    // of an integer, by its length modifier
    char type = 0;
};

// Flags, then a width and a precision of at most three digits each: as much as fits a line.
bool is_sound(std::string_view layout) {
    const auto skip_digits = [&layout] {
        const std::size_t digits = std::min(layout.find_first_not_of("0123456789"), layout.size());
        layout.remove_prefix(digits);
        return digits <= 3;
    };
    layout.remove_prefix(std::min(layout.find_first_not_of("-+ #0"), layout.size()));
    if (!skip_digits())
        return false;
    if (layout.starts_with('.')) {
        layout.remove_prefix(1);
        return skip_digits() && layout.empty();
    }
    return layout.empty();
}

// Consumes it from the front of `format`, which begins after the '%'.
std::optional<Conversion> take_conversion(std::string_view& format) {
    constexpr std::size_t kMaxLayout = 12;
    Conversion conversion;
    const std::size_t layout = std::min(format.find_first_not_of("-+ #0123456789."), format.size());
    if (layout > kMaxLayout || !is_sound(format.substr(0, layout)))
        return std::nullopt;
    conversion.layout = format.substr(0, layout);
    format.remove_prefix(layout);
    const std::size_t length = std::min(format.find_first_not_of("hlzjt"), format.size());
    const std::string_view modifier = format.substr(0, length);
    format.remove_prefix(length);
    if (format.empty())
        return std::nullopt;
    conversion.type = format.front();
    format.remove_prefix(1);
    if (modifier == "hh")
        conversion.bytes = 1;
    else if (modifier == "h")
        conversion.bytes = 2;
    else if (!modifier.empty())
        conversion.bytes = 8;
    return conversion;
}

std::uint64_t cut(std::uint64_t value, std::size_t bytes) {
    return bytes == 8 ? value : value & ((std::uint64_t{1} << (8 * bytes)) - 1);
}

std::int64_t cut_signed(std::uint64_t value, std::size_t bytes) {
    const auto shift = static_cast<unsigned>(64 - 8 * bytes);
    return static_cast<std::int64_t>(value << shift) >> shift;
}

// A C string at `address`, up to its end or the limit.
std::optional<std::size_t> read_string(std::uint64_t address, AgentContext& context, std::span<char> out) {
    for (std::size_t i = 0; i < out.size(); ++i) {
        if (!context.read_memory(address + i, std::as_writable_bytes(out.subspan(i, 1))))
            return std::nullopt;
        if (out[i] == '\0')
            return i;
    }
    return out.size();
}

// gdb sends the format as the user typed it, with C's escapes. Consumes one from the front of `format`, which
// begins after the backslash.
std::optional<char> take_escape(std::string_view& format) {
    constexpr std::string_view kLetters = "abefnrtv\\\"'", kMeanings = "\a\b\x1b\f\n\r\t\v\\\"'";
    constexpr std::size_t kMaxOctalDigits = 3;
    if (format.empty())
        return std::nullopt;
    if (const std::size_t letter = kLetters.find(format.front()); letter != std::string_view::npos) {
        format.remove_prefix(1);
        return kMeanings[letter];
    }
    unsigned value = 0;
    std::size_t digits = 0;
    for (;
         digits < std::min(format.size(), kMaxOctalDigits) && format[digits] >= '0' && format[digits] <= '7';
         ++digits)
        value = value * 8 + static_cast<unsigned>(format[digits] - '0');
    format.remove_prefix(digits);
    return digits != 0 ? std::optional(static_cast<char>(value)) : std::nullopt;
}

// Builds a new conversion for printf, so that nothing of the client's gets into it unchecked.
template <typename T>
AgentResult<void> print_value(const Conversion& conversion, const char* type, T value,
                              AgentContext& context) {
    std::array<char, 24> spec{};
    std::snprintf(spec.data(), spec.size(), "%%%.*s%s", static_cast<int>(conversion.layout.size()),
                  conversion.layout.data(), type);
    std::array<char, 512> text{};
    const int length = std::snprintf(text.data(), text.size(), spec.data(), value);
    if (length < 0)
        return tl::unexpected(AgentFailure::BadFormat);
    context.print({text.data(), std::min(static_cast<std::size_t>(length), text.size() - 1)});
    return {};
}

AgentResult<void> print_string(const Conversion& conversion, std::uint64_t address, AgentContext& context) {
    std::array<char, kMaxAgentString + 1> text{};
    const auto length = read_string(address, context, std::span(text).first(kMaxAgentString));
    if (!length)
        return tl::unexpected(AgentFailure::BadMemory);
    return print_value(conversion, "s", static_cast<const char*>(text.data()), context);
}

AgentResult<void> print_argument(const Conversion& conversion, std::uint64_t argument,
                                 AgentContext& context) {
    const auto cut_value = static_cast<unsigned long long>(cut(argument, conversion.bytes));
    switch (conversion.type) {
        case 'd':
        case 'i':
            return print_value(conversion, "lld",
                               static_cast<long long>(cut_signed(argument, conversion.bytes)), context);
        case 'u':
            return print_value(conversion, "llu", cut_value, context);
        case 'x':
            return print_value(conversion, "llx", cut_value, context);
        case 'X':
            return print_value(conversion, "llX", cut_value, context);
        case 'o':
            return print_value(conversion, "llo", cut_value, context);
        case 'p':
            context.print("0x");
            return print_value(conversion, "llx", static_cast<unsigned long long>(argument), context);
        case 'c':
            return print_value(conversion, "c", static_cast<int>(argument & 0xff), context);
        case 's':
            return print_string(conversion, argument, context);
        default:
            return tl::unexpected(AgentFailure::BadFormat);
    }
}

}  // namespace

AgentResult<void> print_agent_format(std::string_view format, std::span<const std::uint64_t> args,
                                     AgentContext& context) {
    while (!format.empty()) {
        const std::string_view plain = format.substr(0, format.find_first_of("%\\"));
        if (!plain.empty())
            context.print(plain);
        format.remove_prefix(plain.size());
        if (format.empty())
            break;
        const bool escape = format.front() == '\\';
        format.remove_prefix(1);
        if (escape) {
            const auto c = take_escape(format);
            if (!c)
                return tl::unexpected(AgentFailure::BadFormat);
            context.print({&*c, 1});
            continue;
        }
        if (format.starts_with('%')) {
            context.print("%");
            format.remove_prefix(1);
            continue;
        }
        const auto conversion = take_conversion(format);
        if (!conversion || args.empty())
            return tl::unexpected(AgentFailure::BadFormat);
        const std::uint64_t argument = args.front();
        args = args.subspan(1);
        if (const auto printed = print_argument(*conversion, argument, context); !printed)
            return printed;
    }
    return {};
}

}  // namespace ringside::gdbstub
