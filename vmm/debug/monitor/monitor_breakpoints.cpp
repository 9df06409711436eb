#include "vmm/debug/monitor/monitor_breakpoints.h"

#include <algorithm>
#include <cctype>
#include <cstring>
#include <span>

#include <fmt/format.h>

#include "arch/x86_64/cpu_mode.h"
#include "arch/x86_64/register_value.h"
#include "vmm/debug/run_control/vcpu_debugger.h"

namespace ringside::debug {

namespace {

const char* operation(const BreakRule& rule) {
    return rule.watches ? "watch" : "break";
}

// As a number if the size is that of one, otherwise byte by byte.
std::string value_text(std::span<const std::byte> bytes) {
    constexpr std::size_t kMostShown = 16;
    std::uint64_t value = 0;
    if (bytes.size() <= sizeof value) {
        std::memcpy(&value, bytes.data(), bytes.size());
        return fmt::format("{:#x}", value);
    }
    std::string text;
    for (const std::byte byte : bytes.first(std::min(bytes.size(), kMostShown)))
        text += fmt::format("{}{:02x}", text.empty() ? "" : " ", std::to_integer<unsigned>(byte));
    return bytes.size() > kMostShown ? text + " ..." : text;
}

// Of a long range, what is shown begins where it differs.
std::string change_text(std::span<const std::byte> before, std::span<const std::byte> after) {
    if (before.size() != after.size() || before.empty())
        return {};
    if (before.size() <= sizeof(std::uint64_t))
        return fmt::format(", from {} to {}", value_text(before), value_text(after));
    const auto first = static_cast<std::size_t>(std::ranges::mismatch(before, after).in1 - before.begin());
    return fmt::format(", at offset {:#x} from {} to {}", first, value_text(before.subspan(first)),
                       value_text(after.subspan(first)));
}

}  // namespace

std::string MonitorBreakpoint::name() const {
    if (rule_.watches)
        return fmt::format("watchpoint {} on physical {:#x} ({} byte{})", number_, rule_.address, rule_.size,
                           rule_.size == 1 ? "" : "s");
    if (rule_.physical)
        return fmt::format("breakpoint {} at physical {:#x}", number_, rule_.address);
    return fmt::format("breakpoint {} at {}", number_, with_symbol(rule_.address, symbol_));
}

bool MonitorBreakpoint::wants(const JudgedHit& hit) const {
    if (rule_.vcpu && *rule_.vcpu != hit.vcpu)
        return false;
    x86::CpuState state;
    state.general = hit.general;
    state.system = hit.system;
    return std::ranges::all_of(rule_.conditions, [&](const BreakCondition& condition) {
        switch (condition.field) {
            case BreakField::PageTables:
                return view_.has_page_tables(hit.system, condition.low) ==
                       (condition.comparison == Comparison::Equal);
            case BreakField::Level:
                return holds(condition, x86::privilege_level(hit.general, hit.system));
            case BreakField::Register:
                break;
        }
        // add() has found it.
        return holds(condition, *x86::register_value(registers_, state, *registers_.find(condition.name)));
    });
}

std::string MonitorBreakpoint::line(const JudgedHit& hit, std::uint64_t count) const {
    const auto pc = x86::linear_pc(hit.general, hit.system).value;
    const std::string where = rule_.watches    ? ", before " + with_symbol(pc, symbol_)
                              : rule_.physical ? ", as " + with_symbol(pc, symbol_)
                                               : "";
    return fmt::format("Ringside: vCPU {} has hit {}{}{}: hit {}, CPL {}, CR3 {:#x}.\n", hit.vcpu.value,
                       name(), change_text(hit.before, hit.after), where, count,
                       x86::privilege_level(hit.general, hit.system), hit.system.cr3);
}

std::optional<std::string> MonitorBreakpoint::judge(const JudgedHit& hit) {
    reached_.fetch_add(1, std::memory_order_relaxed);
    if (!wants(hit))
        return std::nullopt;
    const auto count = hits_.fetch_add(1, std::memory_order_relaxed) + 1;
    return count > rule_.ignore ? std::optional(line(hit, count)) : std::nullopt;
}

Result<void> MonitorBreakpoints::check_conditions(const BreakRule& rule) const {
    for (const BreakCondition& condition : rule.conditions) {
        if (condition.field == BreakField::PageTables &&
            !debugger_.view().may_have_page_tables(condition.low))
            return failure(
                operation(rule),
                fmt::format("no page table can be at CR3 {:#x}: there is no memory", condition.low));
        if (condition.field != BreakField::Register)
            continue;
        const auto* info = debugger_.guest().registers().find(condition.name);
        if (info == nullptr || !x86::has_value(*info))
            return failure(
                operation(rule),
                fmt::format("\"{}\" is not cr3, cpl or a general or system register", condition.name),
                "`monitor registers` names them");
    }
    return {};
}

Result<void> MonitorBreakpoints::check_memory(const BreakRule& rule) const {
    const auto inside = [&rule](const machine::MemoryRegion& region) {
        return rule.address >= region.start().value && rule.address - region.start().value < region.size() &&
               rule.size <= region.size() - (rule.address - region.start().value);
    };
    const auto regions = debugger_.view().memory().regions();
    const auto region = std::ranges::find_if(regions, inside);
    if (region == regions.end())
        return failure(
            operation(rule),
            fmt::format("there is no {} at physical {:#x}: a device's registers, or nothing at all",
                        rule.watches ? "RAM" : "RAM or ROM", rule.address),
            "`monitor mtree` shows what is where; `monitor catch mmio` stops at accesses to devices");
    if (rule.watches && region->read_only())
        return failure(
            operation(rule),
            fmt::format("physical {:#x} is in a ROM, to which the guest cannot write", rule.address));
    return {};
}

Result<void> MonitorBreakpoints::check(const BreakRule& rule) const {
    if (debugger_.stop_token() == nullptr || debugger_.time_travel().travelling())
        return guest_runs(operation(rule));
    if (list_.size() == kMost)
        return failure(operation(rule), fmt::format("there are {} already", kMost),
                       "`monitor break delete N` makes room");
    TRY(check_conditions(rule));
    return rule.physical ? check_memory(rule) : Result<void>();
}

Result<unsigned> MonitorBreakpoints::add(VcpuIndex vcpu, BreakRule rule) {
    TRY(check(rule));
    auto& guest = debugger_.guest();
    TRY(guest.abilities());
    const x86::CpuState* state = TRY(guest.load_system(vcpu));
    gdbstub::BreakpointRequest request;
    request.kind = rule.watches ? gdbstub::BreakpointKind::WriteWatch : gdbstub::BreakpointKind::Software;
    request.address = rule.address;
    request.size = rule.size;
    const bool physical = rule.physical, watches = rule.watches;
    auto& made = *list_.emplace_back(std::make_unique<MonitorBreakpoint>(
        last_number_ + 1, std::move(rule), guest.registers(), debugger_.view(), symbol_));
    guest.table().insert_for_monitor(*debugger_.stop_token(), debugger_.view(), state->system, request,
                                     physical, made);
    if (!watches)
        guest.vcpu(vcpu).is_shown_at(x86::linear_pc(state->general, state->system));
    return ++last_number_;
}

Result<void> MonitorBreakpoints::remove(unsigned number) {
    if (debugger_.stop_token() == nullptr)
        return guest_runs("break delete");
    const auto it =
        std::ranges::find_if(list_, [number](const auto& each) { return each->number() == number; });
    if (it == list_.end())
        return failure("break delete", fmt::format("there is no breakpoint or watchpoint {}", number),
                       "`monitor break` lists the monitor's own; the debugger deletes its own");
    debugger_.guest().table().remove_for_monitor(*debugger_.stop_token(), **it);
    list_.erase(it);
    return {};
}

void MonitorBreakpoints::remove_all() {
    for (const auto& each : list_)
        debugger_.guest().table().remove_for_monitor(*debugger_.stop_token(), *each);
    list_.clear();
}

std::string MonitorBreakpoints::describe(const MonitorBreakpoint& breakpoint) const {
    const Breakpoint* placed = debugger_.guest().table().of_judge(breakpoint);
    std::string text = breakpoint.name();
    if (!breakpoint.rule().filters.empty())
        text += fmt::format(" [{}]", breakpoint.rule().filters);
    const auto line = debug::describe(*placed);
    text += fmt::format(": by {}{}, reached {} time{}, hit {}", line.mechanism,
                        line.remark.empty() ? "" : fmt::format(" ({})", line.remark), breakpoint.reached(),
                        breakpoint.reached() == 1 ? "" : "s", breakpoint.hits());
    const auto hits = breakpoint.hits(), ignore = breakpoint.rule().ignore;
    if (hits < ignore)
        text += fmt::format("; {} more will be ignored", ignore - hits);
    text.front() = static_cast<char>(std::toupper(text.front()));
    return text + "\n";
}

std::string MonitorBreakpoints::describe() const {
    std::string text;
    for (const auto& each : list_)
        text += describe(*each);
    return text;
}

std::string MonitorBreakpoints::describe(unsigned number) const {
    const auto it =
        std::ranges::find_if(list_, [number](const auto& each) { return each->number() == number; });
    return it == list_.end() ? std::string() : describe(**it);
}

}  // namespace ringside::debug
