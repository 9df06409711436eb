#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "arch/x86_64/exception_frame.h"
#include "arch/x86_64/msr_names.h"
#include "vmm/base/text.h"
#include "vmm/exits/catch/catch.h"
#include "vmm/exits/record/reasons.h"

namespace ringside::exits {
namespace {

constexpr const char* kExample = "For example: catch io if port==0x3f8 and write count 3";

tl::unexpected<Error> not_understood(std::string_view what, std::string_view expected) {
    const std::string found = what.empty() ? "the end" : fmt::format("\"{}\"", what);
    return failure("catch", fmt::format("{} was found where {} is expected", found, expected), kExample);
}

bool is_word(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

// Words and numbers, and runs of other characters as operators; "&&" and "," mean "and".
std::vector<std::string_view> tokenize(std::string_view text) {
    std::vector<std::string_view> tokens;
    while (true) {
        const std::size_t start = text.find_first_not_of(" \t");
        if (start == std::string_view::npos)
            return tokens;
        text.remove_prefix(start);
        const bool word = is_word(text.front());
        const auto stop = std::find_if(
            text.begin(), text.end(), [word](char c) { return c == ' ' || c == '\t' || is_word(c) != word; });
        const auto length = static_cast<std::size_t>(stop - text.begin());
        tokens.push_back(text.substr(0, length));
        text.remove_prefix(length);
    }
}

template <typename Value, std::size_t N>
std::optional<Value> look_up(const std::pair<std::string_view, Value> (&table)[N], std::string_view word) {
    for (const auto& [name, value] : table)
        if (equal_ignoring_case(name, word))
            return value;
    return std::nullopt;
}

constexpr std::pair<std::string_view, CatchSubject> kSubjects[] = {
    {"io", CatchSubject::Io},       {"pio", CatchSubject::Io},  {"mmio", CatchSubject::Mmio},
    {"ept", CatchSubject::Ept},     {"npf", CatchSubject::Ept}, {"msr", CatchSubject::Msr},
    {"cpuid", CatchSubject::Cpuid}, {"hlt", CatchSubject::Hlt}, {"halt", CatchSubject::Hlt},
    {"cr0", CatchSubject::Cr0},     {"cr2", CatchSubject::Cr2}, {"cr3", CatchSubject::Cr3},
    {"cr4", CatchSubject::Cr4},     {"cr8", CatchSubject::Cr8}, {"shutdown", CatchSubject::Shutdown},
};

// The longer ones first.
constexpr std::pair<std::string_view, CatchSubject> kTransitions[] = {
    {"vm-entry-failure", CatchSubject::VmEntryFailure},
    {"vm-entry", CatchSubject::VmEntry},
    {"vm-exit", CatchSubject::VmExit},
};

constexpr std::pair<std::string_view, CatchField> kFields[] = {
    {"port", CatchField::Address}, {"gpa", CatchField::Address},     {"msr", CatchField::Address},
    {"leaf", CatchField::Address}, {"address", CatchField::Address}, {"value", CatchField::Value},
    {"size", CatchField::Size},    {"rip", CatchField::Rip},
};

// Of exceptions and interrupts; any other word is a register's name.
constexpr std::pair<std::string_view, CatchField> kEventFields[] = {
    {"error", CatchField::ErrorCode}, {"cr2", CatchField::Cr2}, {"cpl", CatchField::Level},
    {"rip", CatchField::Rip},         {"eip", CatchField::Rip}, {"ip", CatchField::Rip},
};

constexpr std::pair<std::string_view, Direction> kDirections[] = {{"read", Direction::Read},
                                                                  {"in", Direction::Read},
                                                                  {"write", Direction::Write},
                                                                  {"out", Direction::Write}};

constexpr std::pair<std::string_view, Comparison> kComparisons[] = {
    {"==", Comparison::Equal},         {"=", Comparison::Equal},        {"!=", Comparison::NotEqual},
    {"<", Comparison::Less},           {"<=", Comparison::LessOrEqual}, {">", Comparison::Greater},
    {">=", Comparison::GreaterOrEqual}};

class Parser {
  public:
    explicit Parser(std::string_view text) : tokens_(tokenize(text)) { rule_.text = text; }

    Result<CatchRule> run() {
        TRY(parse_subject());
        while (!peek().empty() && !equal_ignoring_case(peek(), "count"))
            TRY(parse_condition());
        TRY(parse_count());
        return std::move(rule_);
    }

  private:
    std::string_view peek() const { return next_ < tokens_.size() ? tokens_[next_] : std::string_view(); }
    std::string_view take() {
        const std::string_view token = peek();
        next_ += token.empty() ? 0 : 1;
        return token;
    }
    bool skip(std::string_view word) {
        if (!equal_ignoring_case(peek(), word))
            return false;
        ++next_;
        return true;
    }

    // Words with a hyphen come as three tokens.
    bool skip_hyphenated(std::string_view word) {
        const auto parts = tokenize(word);
        for (std::size_t i = 0; i < parts.size(); ++i) {
            if (next_ + i >= tokens_.size() || !equal_ignoring_case(tokens_[next_ + i], parts[i]))
                return false;
        }
        next_ += parts.size();
        return true;
    }

    Result<void> parse_subject() {
        for (const auto& [word, subject] : kTransitions) {
            if (!skip_hyphenated(word))
                continue;
            rule_.subject = subject;
            if (!peek().empty() && !equal_ignoring_case(peek(), "count"))
                return not_understood(peek(), "\"count\" or the end");
            return {};
        }
        if (skip("exception"))
            return parse_event(CatchSubject::Exception, 31);
        if (skip("interrupt"))
            return parse_event(CatchSubject::Interrupt, 255);
        if (skip_hyphenated("mode-change")) {
            rule_.subject = CatchSubject::ModeChange;
            return {};
        }
        if (equal_ignoring_case(peek(), "reset"))
            return failure(
                "catch reset",
                "a guest that resets the machine stops without a rule while a debugger is attached",
                "`--on-reset` chooses otherwise; `catch shutdown` is for triple faults");
        rule_.of_l2 = skip_hyphenated("l2-exit");
        if (rule_.of_l2 && (peek().empty() || equal_ignoring_case(peek(), "count"))) {
            rule_.subject = CatchSubject::AnyOfL2;
            return {};
        }
        return parse_exit();
    }

    Result<void> parse_event(CatchSubject subject, std::uint64_t last) {
        rule_.subject = subject;
        if (peek() == "#")
            take();
        const std::string_view word = take();
        const bool named = subject == CatchSubject::Exception;
        auto vector = parse_number(word);
        if (!vector && named)
            vector = x86::exception_vector(word);
        if (!vector || *vector > last)
            return not_understood(word, named ? "an exception's name (pf, gp, ud) or its vector, 0 to 31"
                                              : "an interrupt's vector, 0 to 255");
        rule_.vector = static_cast<std::uint8_t>(*vector);
        return {};
    }

    Result<void> parse_exit() {
        const std::string_view word = take();
        if (word.empty() || !is_word(word.front()))
            return not_understood(
                word,
                "an exit's name (io, mmio, msr, cpuid, cr3, ept, hlt, exception, interrupt or one from "
                "`monitor exits`)");
        if (const auto subject = look_up(kSubjects, word))
            rule_.subject = *subject;
        else
            rule_.name = word;
        return parse_address();
    }

    // "msr 0xc0000082", "msr LSTAR", "io 0x60-0x64": the bare word is the address.
    Result<void> parse_address() {
        if (rule_.subject == CatchSubject::Named)
            return {};
        auto number = parse_number(peek());
        if (!number && rule_.subject == CatchSubject::Msr)
            number = x86::msr_index(peek());
        if (!number)
            return {};
        ++next_;
        CatchCondition condition{CatchField::Address, Comparison::Equal, *number, *number};
        if (skip("-") || skip("..")) {
            condition.comparison = Comparison::InRange;
            TRY(parse_operand(condition.high));
            if (condition.high < condition.low)
                return failure("catch", "the range ends before it begins", kExample);
        }
        rule_.conditions.push_back(condition);
        return {};
    }

    Result<void> parse_condition() {
        const bool joined = skip("if") || skip("and") || skip("&&") || skip(",");
        const std::string_view word = take();
        if (is_event(rule_.subject))
            return parse_event_condition(word);
        const auto direction = look_up(kDirections, word);
        if (direction) {
            if (rule_.direction && *rule_.direction != *direction)
                return failure("catch", "no exit is a read and a write at once", kExample);
            rule_.direction = direction;
            return {};
        }
        const auto field = look_up(kFields, word);
        if (!field)
            return not_understood(word, joined ? "port, gpa, msr, leaf, value, size, rip, read or write"
                                               : "\"if\", \"and\", \"count\" or a condition");
        return parse_comparison({*field, Comparison::InRange, 0, 0});
    }

    Result<void> parse_event_condition(std::string_view word) {
        if (word.empty() || !is_word(word.front()) || parse_number(word))
            return not_understood(word, "error, cr2, cpl, rip or a register's name");
        const auto field = look_up(kEventFields, word);
        CatchCondition condition{field.value_or(CatchField::Register), Comparison::InRange, 0, 0};
        if (!field)
            condition.name = word;
        if (skip("&")) {
            TRY(parse_operand(condition.mask));
            const bool compared =
                look_up(kComparisons, peek()).has_value() || equal_ignoring_case(peek(), "in");
            if (!compared) {
                condition.comparison = Comparison::NotEqual;
                rule_.conditions.push_back(condition);
                return {};
            }
        }
        return parse_comparison(condition);
    }

    Result<void> parse_comparison(CatchCondition condition) {
        const bool range = skip("in");
        if (!range) {
            const std::string_view word = take();
            const auto comparison = look_up(kComparisons, word);
            if (!comparison)
                return not_understood(word, "==, !=, <, <=, >, >= or \"in\"");
            condition.comparison = *comparison;
        }
        TRY(parse_operand(condition.low));
        condition.high = condition.low;
        if (range) {
            if (const std::string_view dots = take(); dots != "..")
                return not_understood(dots, "\"..\" and the range's last number");
            TRY(parse_operand(condition.high));
            if (condition.high < condition.low)
                return failure("catch", "the range ends before it begins", kExample);
        }
        rule_.conditions.push_back(condition);
        return {};
    }

    Result<void> parse_operand(std::uint64_t& value) {
        const std::string_view word = take();
        const auto number = parse_number(word);
        if (!number)
            return not_understood(word, "a number");
        value = *number;
        return {};
    }

    Result<void> parse_count() {
        if (!skip("count"))
            return {};
        TRY(parse_operand(rule_.count));
        if (rule_.count == 0)
            return failure("catch", "hits are counted from 1", kExample);
        if (!peek().empty())
            return not_understood(peek(), "the end");
        return {};
    }

    std::vector<std::string_view> tokens_;
    std::size_t next_ = 0;
    CatchRule rule_;
};

}  // namespace

Result<CatchRule> parse_catch(std::string_view text) {
    // Lines come from a person or a script; nothing longer makes sense.
    constexpr std::size_t kMaximumLength = 1024;
    if (text.size() > kMaximumLength)
        return failure("catch", "the condition is too long", kExample);
    return Parser(text).run();
}

}  // namespace ringside::exits
