// Reads a packet's text from left to right. Every take_...() either consumes what it names and succeeds, or
// leaves the cursor where it was.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "gdbstub/hex.h"

namespace ringside::gdbstub {

class Cursor {
  public:
    explicit Cursor(std::string_view text) : text_(text) {}

    bool at_end() const { return text_.empty(); }
    std::string_view rest() const { return text_; }

    bool take(char c) {
        if (text_.empty() || text_.front() != c)
            return false;
        text_.remove_prefix(1);
        return true;
    }
    bool take(std::string_view literal) {
        if (!text_.starts_with(literal))
            return false;
        text_.remove_prefix(literal.size());
        return true;
    }

    // A hexadecimal number of up to 64 bits; leading zeros do not count.
    std::optional<std::uint64_t> take_hex() { return take_number(16); }
    std::optional<std::uint64_t> take_decimal() { return take_number(10); }
    std::optional<std::uint32_t> take_hex32() {
        const Cursor start = *this;
        const auto value = take_hex();
        if (value && *value <= UINT32_MAX)
            return static_cast<std::uint32_t>(*value);
        *this = start;
        return std::nullopt;
    }

    // Everything before `separator`, which is consumed too; all of it if there is none.
    std::string_view take_until(char separator) {
        const std::size_t end = text_.find(separator);
        const std::string_view part = text_.substr(0, end);
        text_.remove_prefix(end == std::string_view::npos ? text_.size() : end + 1);
        return part;
    }

    // The next `n` characters, if there are so many.
    std::optional<std::string_view> take_exactly(std::uint64_t n) {
        if (n > text_.size())
            return std::nullopt;
        const std::string_view part = text_.substr(0, static_cast<std::size_t>(n));
        text_.remove_prefix(static_cast<std::size_t>(n));
        return part;
    }

  private:
    std::optional<std::uint64_t> take_number(unsigned base) {
        std::uint64_t value = 0;
        std::size_t digits = 0;
        for (; digits < text_.size(); ++digits) {
            const int digit = hex_value(text_[digits]);
            if (digit < 0 || static_cast<unsigned>(digit) >= base)
                break;
            if (value > (UINT64_MAX - static_cast<unsigned>(digit)) / base)
                return std::nullopt;
            value = value * base + static_cast<unsigned>(digit);
        }
        if (digits == 0)
            return std::nullopt;
        text_.remove_prefix(digits);
        return value;
    }

    std::string_view text_;
};

}  // namespace ringside::gdbstub
