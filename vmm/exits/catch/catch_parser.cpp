#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "arch/x86_64/exception_frame.h"
#include "arch/x86_64/msr_names.h"
#include "vmm/base/value_test.h"
#include "vmm/exits/catch/catch.h"
#include "vmm/exits/record/reasons.h"

namespace ringside::exits {
namespace {

constexpr const char* kExample = "For example: catch io if port==0x3f8 and write count 3";

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

class Parser {
  public:
    explicit Parser(std::string_view text) : words_(text, "catch", kExample) { rule_.text = text; }

    Result<CatchRule> run() {
        TRY(parse_subject());
        while (!words_.peek().empty() && !words_.next_is("count"))
            TRY(parse_condition());
        TRY(parse_count());
        return std::move(rule_);
    }

  private:
    Result<void> parse_subject() {
        for (const auto& [word, subject] : kTransitions) {
            if (!words_.skip_hyphenated(word))
                continue;
            rule_.subject = subject;
            if (!words_.peek().empty() && !words_.next_is("count"))
                return words_.not_understood(words_.peek(), "\"count\" or the end");
            return {};
        }
        if (words_.skip("exception"))
            return parse_event(CatchSubject::Exception, 31);
        if (words_.skip("interrupt"))
            return parse_event(CatchSubject::Interrupt, 255);
        if (words_.skip_hyphenated("mode-change")) {
            rule_.subject = CatchSubject::ModeChange;
            return {};
        }
        if (words_.next_is("reset"))
            return failure(
                "catch reset",
                "a guest that resets the machine stops without a rule while a debugger is attached",
                "`--on-reset` chooses otherwise; `catch shutdown` is for triple faults");
        rule_.of_l2 = words_.skip_hyphenated("l2-exit");
        if (rule_.of_l2 && (words_.peek().empty() || words_.next_is("count"))) {
            rule_.subject = CatchSubject::AnyOfL2;
            return {};
        }
        return parse_exit();
    }

    Result<void> parse_event(CatchSubject subject, std::uint64_t last) {
        rule_.subject = subject;
        if (words_.peek() == "#")
            words_.take();
        const std::string_view word = words_.take();
        const bool named = subject == CatchSubject::Exception;
        auto vector = parse_number(word);
        if (!vector && named)
            vector = x86::exception_vector(word);
        if (!vector || *vector > last)
            return words_.not_understood(word, named
                                                   ? "an exception's name (pf, gp, ud) or its vector, 0 to 31"
                                                   : "an interrupt's vector, 0 to 255");
        rule_.vector = static_cast<std::uint8_t>(*vector);
        return {};
    }

    Result<void> parse_exit() {
        const std::string_view word = words_.take();
        if (word.empty() || !RuleWords::is_word(word.front()))
            return words_.not_understood(
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
        auto number = parse_number(words_.peek());
        if (!number && rule_.subject == CatchSubject::Msr)
            number = x86::msr_index(words_.peek());
        if (!number)
            return {};
        words_.take();
        CatchCondition condition{{Comparison::Equal, *number, *number}, CatchField::Address};
        if (words_.skip("-") || words_.skip("..")) {
            condition.comparison = Comparison::InRange;
            condition.high = TRY(parse_range_end(words_, condition.low));
        }
        rule_.conditions.push_back(condition);
        return {};
    }

    Result<void> parse_condition() {
        const bool joined = words_.skip("if") || words_.skip("and") || words_.skip("&&") || words_.skip(",");
        const std::string_view word = words_.take();
        if (is_event(rule_.subject))
            return parse_event_condition(word);
        const auto direction = look_up(kDirections, word);
        if (direction) {
            if (rule_.direction && *rule_.direction != *direction)
                return words_.refuse("no exit is a read and a write at once");
            rule_.direction = direction;
            return {};
        }
        const auto field = look_up(kFields, word);
        if (!field)
            return words_.not_understood(word, joined
                                                   ? "port, gpa, msr, leaf, value, size, rip, read or write"
                                                   : "\"if\", \"and\", \"count\" or a condition");
        rule_.conditions.push_back({TRY(parse_value_test(words_, false)), *field});
        return {};
    }

    Result<void> parse_event_condition(std::string_view word) {
        if (word.empty() || !RuleWords::is_word(word.front()) || parse_number(word))
            return words_.not_understood(word, "error, cr2, cpl, rip or a register's name");
        const auto field = look_up(kEventFields, word);
        const auto test = TRY(parse_value_test(words_, true));
        rule_.conditions.push_back(
            {test, field.value_or(CatchField::Register), field ? "" : std::string(word)});
        return {};
    }

    Result<void> parse_count() {
        if (!words_.skip("count"))
            return {};
        rule_.count = TRY(words_.number());
        if (rule_.count == 0)
            return words_.refuse("hits are counted from 1");
        if (!words_.peek().empty())
            return words_.not_understood(words_.peek(), "the end");
        return {};
    }

    RuleWords words_;
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
