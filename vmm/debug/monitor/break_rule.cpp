#include "vmm/debug/monitor/break_rule.h"

namespace ringside::debug {

namespace {

constexpr const char* kBreakExample =
    "For example: monitor break 0x101000 if cr3 == 0x7000 and cpl == 3 vcpu 1 ignore 5, or monitor break "
    "phys 0x101000";
constexpr const char* kWatchExample = "For example: monitor watch phys 0x5000 8 write";
constexpr std::string_view kClauses[] = {"if", "vcpu", "ignore"};
// Lines come from a person or a script; nothing longer makes sense.
constexpr std::size_t kLongest = 1024;

class Parser {
  public:
    Parser(std::string_view text, bool watches, std::size_t vcpus)
        : operation_(watches ? "watch" : "break"),
          words_(text, operation_, watches ? kWatchExample : kBreakExample),
          text_(text),
          vcpus_(vcpus) {
        rule_.watches = watches;
    }

    Result<BreakRule> run() {
        if (text_.size() > kLongest)
            return words_.refuse("the line is too long");
        rule_.physical = words_.skip("phys");
        if (rule_.watches && !rule_.physical)
            return failure(operation_, "only physical addresses are watched by this command",
                           "A debugger watches linear ones: `watch`, `rwatch` and `awatch` in gdb");
        rule_.address = TRY(address());
        if (rule_.watches)
            TRY(parse_watched());
        find_filters();
        while (!words_.peek().empty())
            TRY(parse_clause());
        return std::move(rule_);
    }

  private:
    Result<std::uint64_t> address() {
        const std::string_view word = words_.peek();
        const auto number = parse_number(word);
        if (number || word.empty())
            return words_.number();
        return failure(operation_, fmt::format("\"{}\" is not an address", word),
                       fmt::format("An address is a number (0x... or decimal) or a register ($rip). In gdb, "
                                   "for a symbol: eval \"monitor {} %#lx\", (unsigned long) &{}",
                                   operation_, word));
    }

    Result<void> parse_watched() {
        rule_.size = TRY(words_.number());
        if (rule_.size == 0 || rule_.size > kMostWatched)
            return words_.refuse(fmt::format("the length must be from 1 to {}", kMostWatched));
        if (words_.next_is("read") || words_.next_is("access"))
            return failure(operation_,
                           "reads of physical memory cannot be watched: they do not change it, and debug "
                           "registers compare linear addresses",
                           "`monitor find-phys` names the linear addresses, for `rwatch` and `awatch`");
        words_.skip("write");
        return {};
    }

    // Everything from the first clause on.
    void find_filters() {
        const std::string_view first = words_.peek();
        if (!first.empty())
            rule_.filters = text_.substr(static_cast<std::size_t>(first.data() - text_.data()));
    }

    Result<void> parse_clause() {
        if (words_.skip("if"))
            return parse_conditions();
        if (words_.skip("vcpu"))
            return parse_vcpu();
        if (!words_.skip("ignore"))
            return words_.not_understood(words_.peek(), "\"if\", \"vcpu\", \"ignore\" or the end");
        rule_.ignore = TRY(words_.number());
        return {};
    }

    Result<void> parse_conditions() {
        do {
            TRY(parse_condition());
        } while (words_.skip("and") || words_.skip("&&") || words_.skip(","));
        const bool ends = words_.peek().empty() || std::ranges::any_of(kClauses, [this](auto clause) {
                              return clause != "if" && words_.next_is(clause);
                          });
        if (!ends)
            return words_.not_understood(words_.peek(), "\"and\", \"vcpu\", \"ignore\" or the end");
        return {};
    }

    Result<void> parse_condition() {
        words_.skip("$");
        const std::string_view name = words_.take();
        if (name.empty() || !RuleWords::is_word(name.front()) || parse_number(name))
            return words_.not_understood(name, "cr3, cpl or a register's name");
        if (equal_ignoring_case(name, "vcpu"))
            return words_.refuse("a vCPU is chosen without \"if\": vcpu N");
        BreakCondition condition;
        static_cast<ValueTest&>(condition) = TRY(parse_value_test(words_, true));
        if (equal_ignoring_case(name, "cr3"))
            condition.field = BreakField::PageTables;
        else if (equal_ignoring_case(name, "cpl"))
            condition.field = BreakField::Level;
        else
            condition.name = name;
        TRY(check(condition));
        rule_.conditions.push_back(std::move(condition));
        return {};
    }

    Result<void> check(const BreakCondition& condition) const {
        const bool equality =
            condition.comparison == Comparison::Equal || condition.comparison == Comparison::NotEqual;
        const bool whole = condition.mask == ValueTest{}.mask;
        if (condition.field == BreakField::PageTables && (!equality || !whole))
            return words_.refuse(
                "cr3 can only be compared by == and !=, because the page tables are compared");
        if (condition.field == BreakField::Level && std::max(condition.low, condition.high) > 3)
            return words_.refuse("cpl is from 0 to 3");
        return {};
    }

    Result<void> parse_vcpu() {
        const std::uint64_t index = TRY(words_.number());
        if (index >= vcpus_)
            return words_.refuse(fmt::format("vCPUs are numbered from 0 to {}", vcpus_ - 1));
        rule_.vcpu = VcpuIndex{static_cast<std::uint32_t>(index)};
        return {};
    }

    std::string operation_;
    RuleWords words_;
    std::string_view text_;
    std::size_t vcpus_;
    BreakRule rule_;
};

}  // namespace

Result<BreakRule> parse_break(std::string_view text, std::size_t vcpus) {
    return Parser(text, false, vcpus).run();
}

Result<BreakRule> parse_watch(std::string_view text, std::size_t vcpus) {
    return Parser(text, true, vcpus).run();
}

}  // namespace ringside::debug
