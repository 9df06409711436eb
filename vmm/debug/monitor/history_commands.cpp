// `monitor record`: what is recorded of the guest's run, and whether.

#include <fmt/format.h>

#include <limits>

#include "vmm/base/text.h"
#include "vmm/debug/monitor/monitor.h"

namespace ringside::debug {

namespace {

constexpr const char* kUsage = "Usage: monitor record on [SIZE]|off|status (SIZE: 64M, 1G)\n";

// More than half of the address space cannot be meant.
std::optional<std::size_t> parse_limit(std::string_view text) {
    const auto size = parse_size(text);
    const bool usable = size && *size != 0 && *size <= std::numeric_limits<std::uint64_t>::max() >> 1;
    return usable ? size : std::nullopt;
}

std::string status(const TimeTravel& travel) {
    if (!travel.recorder().active())
        return "Nothing is recorded. `monitor record on` starts a recording.\n";
    const history::History& history = travel.recorder().history();
    const history::StepLog& log = history.log();
    std::string text = fmt::format("Recording: {} steps in {} KiB of {} KiB, written pages by the {}.\n",
                                   history.last_step() - history.first_step(), log.bytes() >> 10, log.limit() >> 10,
                                   travel.recorder().dirty_pages().source_name());
    if (history.first_step() != 0)
        text += fmt::format("The first {} steps have been dropped to make room.\n", history.first_step());
    if (travel.in_past()) {
        const auto ago = history.last_step() - history.step();
        text += fmt::format("The guest is shown as it was {} step{} ago, at step {}.\n", ago,
                            ago == 1 ? "" : "s", history.step());
    }
    return text;
}

std::string start(TimeTravel& travel, std::string_view size_text) {
    const auto size = size_text.empty() ? std::optional(TimeTravel::kDefaultSize) : parse_limit(size_text);
    if (!size)
        return kUsage;
    if (travel.recorder().active())
        return "It is recorded already. `monitor record off` ends the recording.\n";
    if (const auto started = travel.record(*size); !started)
        return started.error().message() + "\n";
    return "From here on each instruction is stepped and recorded. The guest runs slowly meanwhile. Going "
           "back "
           "restores\nregisters, memory, interrupt controllers and devices; not the TSC, and not what has "
           "left the "
           "machine.\n";
}

std::string stop(TimeTravel& travel) {
    if (!travel.recorder().active())
        return status(travel);
    const bool past = travel.in_past();
    if (const auto stopped = travel.stop_recording(); !stopped)
        return stopped.error().message() + "\n";
    return past ? "The recording is gone, and with it what came after this point: the guest runs on from "
                  "here.\n"
                : "The recording is gone. The guest runs at full speed.\n";
}

std::string record(TimeTravel& travel, std::string_view rest) {
    if (rest.empty() || rest == "status")
        return status(travel);
    if (rest == "off")
        return stop(travel);
    if (rest == "on")
        return start(travel, {});
    return rest.starts_with("on ") ? start(travel, rest.substr(3)) : kUsage;
}

}  // namespace

void add_history_commands(MonitorRegistry& registry, Debugger& debugger) {
    registry.add({"record", "[on [SIZE]|off|status]",
                  "records each instruction, for gdb's reverse commands; the oldest go when SIZE is full",
                  [&](auto, auto rest) { return record(debugger.time_travel(), rest); }});
}

}  // namespace ringside::debug
