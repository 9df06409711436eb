// Rules that people type: their words, and tests of a number such as "== 0x3f8", "in 0x10..0x1f", "& 4" and "& 0xf0 == 0x30".
// `& MASK` alone is true if one of the mask's bits is set. Ranges include both ends.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "vmm/base/error.h"
#include "vmm/base/text.h"

namespace ringside {

enum class Comparison : std::uint8_t { Equal, NotEqual, Less, LessOrEqual, Greater, GreaterOrEqual, InRange };

struct ValueTest {
    Comparison comparison = Comparison::Equal;
    std::uint64_t low = 0;                   // the operand; for InRange the first value
    std::uint64_t high = 0;                  // for InRange the last value, inclusive
    std::uint64_t mask = ~std::uint64_t{0};  // the bits of the value that are compared
    friend bool operator==(const ValueTest&, const ValueTest&) = default;
};

inline bool holds(const ValueTest& test, std::uint64_t whole) {
    const std::uint64_t value = whole & test.mask;
    switch (test.comparison) {
        case Comparison::Equal:
            return value == test.low;
        case Comparison::NotEqual:
            return value != test.low;
        case Comparison::Less:
            return value < test.low;
        case Comparison::LessOrEqual:
            return value <= test.low;
        case Comparison::Greater:
            return value > test.low;
        case Comparison::GreaterOrEqual:
            return value >= test.low;
        case Comparison::InRange:
            return value >= test.low && value <= test.high;
    }
    return false;
}

// The value of a word in a table, whatever its case; nullopt if it is not there.
template <typename Value, std::size_t N>
std::optional<Value> look_up(const std::pair<std::string_view, Value> (&table)[N], std::string_view word) {
    for (const auto& [name, value] : table)
        if (equal_ignoring_case(name, word))
            return value;
    return std::nullopt;
}

// A rule's words and numbers; runs of other characters are operators.
class RuleWords {
  public:
    // `operation` and `example` are those of errors.
    RuleWords(std::string_view text, std::string operation, std::string example)
        : words_(split(text)), operation_(std::move(operation)), example_(std::move(example)) {}

    // The next one; empty at the end.
    std::string_view peek() const { return next_ < words_.size() ? words_[next_] : std::string_view(); }
    std::string_view take() {
        const std::string_view word = peek();
        next_ += word.empty() ? 0 : 1;
        return word;
    }
    bool next_is(std::string_view word) const { return equal_ignoring_case(peek(), word); }
    bool skip(std::string_view word) {
        if (!next_is(word))
            return false;
        ++next_;
        return true;
    }
    // A word with hyphens, which is several here.
    bool skip_hyphenated(std::string_view word) {
        const auto parts = split(word);
        for (std::size_t i = 0; i < parts.size(); ++i) {
            if (next_ + i >= words_.size() || !equal_ignoring_case(words_[next_ + i], parts[i]))
                return false;
        }
        next_ += parts.size();
        return true;
    }
    Result<std::uint64_t> number() {
        const std::string_view word = take();
        if (const auto value = parse_number(word))
            return *value;
        return not_understood(word, "a number");
    }
    tl::unexpected<Error> not_understood(std::string_view word, std::string_view expected) const {
        const std::string found = word.empty() ? "the end" : fmt::format("\"{}\"", word);
        return refuse(fmt::format("{} was found where {} is expected", found, expected));
    }
    tl::unexpected<Error> refuse(std::string why) const {
        return failure(operation_, std::move(why), example_);
    }

    static bool is_word(char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
    }

  private:
    static std::vector<std::string_view> split(std::string_view text) {
        std::vector<std::string_view> words;
        while (true) {
            const std::size_t start = text.find_first_not_of(" \t");
            if (start == std::string_view::npos)
                return words;
            text.remove_prefix(start);
            const bool word = is_word(text.front());
            const auto stop = std::find_if(text.begin(), text.end(), [word](char c) {
                return c == ' ' || c == '\t' || is_word(c) != word;
            });
            const auto length = static_cast<std::size_t>(stop - text.begin());
            words.push_back(text.substr(0, length));
            text.remove_prefix(length);
        }
    }

    std::vector<std::string_view> words_;
    std::size_t next_ = 0;
    std::string operation_, example_;
};

// From "A..B" or "A-B", of which A has been taken.
inline Result<std::uint64_t> parse_range_end(RuleWords& words, std::uint64_t first) {
    const std::uint64_t last = TRY(words.number());
    if (last < first)
        return words.refuse("the range ends before it begins");
    return last;
}

inline constexpr std::pair<std::string_view, Comparison> kComparisons[] = {
    {"==", Comparison::Equal},         {"=", Comparison::Equal},        {"!=", Comparison::NotEqual},
    {"<", Comparison::Less},           {"<=", Comparison::LessOrEqual}, {">", Comparison::Greater},
    {">=", Comparison::GreaterOrEqual}};

// What follows the name of a value. `&` is only understood where `masks` is true.
inline Result<ValueTest> parse_value_test(RuleWords& words, bool masks) {
    ValueTest test;
    if (masks && words.skip("&")) {
        test.mask = TRY(words.number());
        if (!look_up(kComparisons, words.peek()) && !words.next_is("in")) {
            test.comparison = Comparison::NotEqual;
            return test;
        }
    }
    if (words.skip("in")) {
        test.comparison = Comparison::InRange;
        test.low = TRY(words.number());
        if (const std::string_view dots = words.take(); dots != "..")
            return words.not_understood(dots, "\"..\" and the range's last number");
        test.high = TRY(parse_range_end(words, test.low));
        return test;
    }
    const std::string_view word = words.take();
    const auto comparison = look_up(kComparisons, word);
    if (!comparison)
        return words.not_understood(word, "==, !=, <, <=, >, >= or \"in\"");
    test.comparison = *comparison;
    test.low = test.high = TRY(words.number());
    return test;
}

}  // namespace ringside
