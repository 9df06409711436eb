#include "vmm/exit_monitor/state_catch.h"

#include <algorithm>

#include <fmt/format.h>

#include "arch/x86_64/control_bits.h"

namespace ringside::debug {

namespace {

using exits::CatchField;
using exits::CatchSubject;

struct Change {
    std::string what;
    std::uint64_t rip = 0, value = 0;
};

std::optional<Change> register_change(const char* name, std::uint64_t before, std::uint64_t after,
                                      std::uint64_t rip) {
    if (before == after)
        return std::nullopt;
    return Change{fmt::format("has changed {} from {:#x} to {:#x}", name, before, after), rip, after};
}

std::optional<Change> change_of(CatchSubject subject, const WatchedStep& step) {
    const auto& before = step.before;
    const auto& after = step.after;
    switch (subject) {
        case CatchSubject::Cr0:
            return register_change("CR0", before.cr0, after.cr0, step.from);
        case CatchSubject::Cr3:
            return register_change("CR3", before.cr3, after.cr3, step.from);
        case CatchSubject::Cr4:
            return register_change("CR4", before.cr4, after.cr4, step.from);
        case CatchSubject::Hlt:
            return step.halts_next ? std::optional(Change{"is about to halt (HLT)", step.rip, 0})
                                   : std::nullopt;
        case CatchSubject::ModeChange: {
            const std::string from = broad_mode(before), to = broad_mode(after);
            if (from == to)
                return std::nullopt;
            return Change{
                fmt::format("has gone from {} to {} (CR0 {:#x} to {:#x})", from, to, before.cr0, after.cr0),
                step.from, after.cr0};
        }
        default:
            return std::nullopt;
    }
}

}  // namespace

const char* broad_mode(const x86::SystemRegisters& system) {
    if ((system.cr0 & x86::cr0::kPe) == 0)
        return "real mode";
    return (system.efer & x86::efer::kLma) != 0 ? "long mode" : "protected mode";
}

bool StateCatch::holds(std::uint64_t rip, std::uint64_t value) const {
    return std::ranges::all_of(rule_.conditions, [&](const auto& condition) {
        return ringside::holds(condition, condition.field == CatchField::Rip ? rip : value);
    });
}

std::optional<std::string> StateCatch::judge(VcpuIndex vcpu, const WatchedStep& step) {
    const auto change = change_of(rule_.subject, step);
    if (!change || !holds(change->rip, change->value) ||
        hits_.fetch_add(1, std::memory_order_relaxed) + 1 < rule_.count)
        return std::nullopt;
    return fmt::format("Ringside: vCPU {} {}, at {}.\n", vcpu.value, change->what,
                       with_symbol(change->rip, symbol_of_));
}

}  // namespace ringside::debug
