// Numbers and words in text written by people and programs.
#pragma once

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>
#include <vector>

namespace ringside {

// Returns the number, if the whole of `text` is one without sign or prefix; nullopt for anything else and for a number
// that T cannot hold.
template <typename T = std::uint64_t>
std::optional<T> parse_digits(std::string_view text, int base = 10) {
    static_assert(std::is_unsigned_v<T>);
    T value{};
    const char* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, value, base);
    if (error != std::errc{} || stop != end)
        return std::nullopt;
    return value;
}

// The same, decimal or, after 0x, hexadecimal.
inline std::optional<std::uint64_t> parse_number(std::string_view text) {
    if (text.starts_with("0x") || text.starts_with("0X"))
        return parse_digits(text.substr(2), 16);
    return parse_digits(text);
}

// Returns the bytes of "64M", "2g", "512K" or "1048576"; nullopt for anything else and for more than fits in 64 bits.
inline std::optional<std::uint64_t> parse_size(std::string_view text) {
    constexpr std::string_view kUnits = "KMGkmg";
    constexpr unsigned kShifts[] = {10, 20, 30, 10, 20, 30};
    unsigned shift = 0;
    if (const auto unit = text.empty() ? std::string_view::npos : kUnits.find(text.back());
        unit != std::string_view::npos) {
        shift = kShifts[unit];
        text.remove_suffix(1);
    }
    const auto number = parse_digits(text);
    if (!number || *number > std::numeric_limits<std::uint64_t>::max() >> shift)
        return std::nullopt;
    return *number << shift;
}

inline bool equal_ignoring_case(std::string_view a, std::string_view b) {
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
    return std::ranges::equal(a, b, {}, lower, lower);
}

// The words of `text`, between spaces and tabs.
inline std::vector<std::string_view> split_words(std::string_view text) {
    constexpr std::string_view kBlanks = " \t";
    std::vector<std::string_view> words;
    for (auto start = text.find_first_not_of(kBlanks); start != std::string_view::npos;
         start = text.find_first_not_of(kBlanks)) {
        text.remove_prefix(start);
        const auto end = std::min(text.find_first_of(kBlanks), text.size());
        words.push_back(text.substr(0, end));
        text.remove_prefix(end);
    }
    return words;
}

}  // namespace ringside
