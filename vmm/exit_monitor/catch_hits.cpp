#include "vmm/exit_monitor/catch_hits.h"

#include <fmt/format.h>

namespace ringside::debug {

std::string CatchHits::in_userspace(CatchEntry& entry, const exits::ExitRecord& exit) const {
    const auto kind = reasons_.address_kind(exit.reason);
    std::string text = reasons_.name(exit.reason);
    if (const std::string access = exits::describe_access(exit, kind); !access.empty())
        text += ": " + access;
    if (const std::string device = names_.device(kind, exit.address); !device.empty())
        text += " (" + device + ")";
    return hit(entry, exit, text);
}

std::string CatchHits::in_hardware(CatchEntry& entry, machine::VcpuThread& thread,
                                   const exits::ExitRecord& exit) const {
    const LastHardwareExit last = last_hardware_exit_(thread.index());
    if (!exits::is_transition(entry.rule.subject))
        return hit(entry, exit, last.words);
    const auto what = describe_transition(entry.rule.subject, thread, debugger_.machine(), last);
    return what.empty() ? std::string() : hit(entry, exit, what);
}

std::string CatchHits::hit(CatchEntry& entry, const exits::ExitRecord& exit, const std::string& what) const {
    const std::uint64_t hits = entry.hits.fetch_add(1, std::memory_order_relaxed) + 1;
    if (hits < entry.rule.count)
        return {};
    if (entry.once) {
        for (const exits::HardwareCatch& armed : entry.armed)
            (void)armed.enable(false);  // one that stays on only costs time
        return hits == 1 ? what + "\n" : std::string();
    }
    const std::string symbol = exit.rip != 0 ? names_.symbol(exit.rip) : std::string();
    return fmt::format("exit caught by rule {} ({}), hit {}: {}{}\n", entry.number, entry.rule.text, hits,
                       what.empty() ? "a hardware exit" : what, symbol.empty() ? "" : ", in " + symbol);
}

}  // namespace ringside::debug
