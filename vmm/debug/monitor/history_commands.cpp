#include "vmm/debug/monitor/history_commands.h"

#include <fmt/format.h>

#include <limits>

#include "vmm/base/text.h"
#include "vmm/debug/monitor/arguments.h"
#include "vmm/debug/monitor/recorded_step.h"

namespace ringside::debug {

namespace {

tl::unexpected<Error> not_understood(std::string_view words) {
    return failure("record", fmt::format("\"{}\" is not understood", words),
                   "Usage: monitor record on [SIZE]|off|status (SIZE: 64M, 1G)");
}

// More than half of the address space cannot be meant.
std::optional<std::size_t> parse_limit(std::string_view text) {
    const auto size = parse_size(text);
    const bool usable = size && *size != 0 && *size <= std::numeric_limits<std::uint64_t>::max() >> 1;
    return usable ? size : std::nullopt;
}

std::string status(const TimeTravel& travel) {
    if (!travel.recorder().active())
        return "There is no recording. `monitor record on` starts one.\n";
    const history::History& history = travel.recorder().history();
    const history::StepLog& log = history.log();
    std::string text = fmt::format("Recording: {} steps in {} KiB of {} KiB, written pages by the {}.\n",
                                   history.last_step() - history.first_step(), log.bytes() >> 10,
                                   log.limit() >> 10, travel.recorder().source().name());
    if (history.first_step() != 0)
        text += fmt::format("The first {} steps have been dropped to make room.\n", history.first_step());
    if (travel.in_past()) {
        const auto ago = history.last_step() - history.step();
        text += fmt::format("The guest is shown as it was {} step{} ago, at step {}.\n", ago,
                            ago == 1 ? "" : "s", history.step());
    }
    return text;
}

Result<std::string> start(TimeTravel& travel, std::string_view size_text) {
    const auto size = size_text.empty() ? std::optional(TimeTravel::kDefaultSize) : parse_limit(size_text);
    if (!size)
        return not_understood(size_text);
    if (travel.recorder().active())
        return failure("record", "the guest is being recorded already",
                       "`monitor record off` ends the recording");
    TRY(travel.record(*size));
    std::string text =
        "From here on each instruction is stepped and recorded. The guest runs slowly meanwhile. Going back "
        "restores\nregisters, memory, interrupt controllers and devices; not the TSC, and not what has left "
        "the machine.\n";
    if (travel.takes_turns())
        text += fmt::format("{}.\n", TimeTravel::kOneAtATime);
    return text;
}

Result<std::string> stop(TimeTravel& travel) {
    if (!travel.recorder().active())
        return status(travel);
    const bool past = travel.in_past();
    TRY(travel.stop_recording());
    return std::string(
        past ? "The recording is discarded, and with it everything after this point: the guest runs "
               "on from here.\n"
             : "The recording is gone. The guest runs at full speed.\n");
}

Result<std::string> record(TimeTravel& travel, std::string_view rest) {
    if (rest.empty() || rest == "status")
        return status(travel);
    if (rest == "off")
        return stop(travel);
    if (rest == "on")
        return start(travel, {});
    return rest.starts_with("on ") ? start(travel, rest.substr(3)) : not_understood(rest);
}

// ---- Places in the history

constexpr std::string_view kPlaces[] = {"start", "end", "live"};

Result<std::uint64_t> position_named(const history::History& history, std::string_view name) {
    if (name == "start")
        return history.log().begin();
    if (name == "end" || name == "live")
        return history.log().end();
    if (const auto bookmark = history.bookmarks().find(name); bookmark != history.bookmarks().end()) {
        if (!history.has(bookmark->second))
            return failure("goto", fmt::format("the steps up to {} have been dropped to make room", name));
        return bookmark->second;
    }
    const auto step = parse_number(name);
    if (!step)
        return failure("goto",
                       fmt::format("\"{}\" is neither a step, a bookmark, start, end nor live", name));
    const auto position = history.log().position_of_step(*step);
    if (!position)
        return failure("goto", fmt::format("the recording has the steps from {} to {}", history.first_step(),
                                           history.last_step()));
    return *position;
}

Result<std::string> go_to(Debugger& debugger, const SymbolOf& symbol, const Arguments& arguments) {
    if (arguments.words.empty())
        return failure("goto", "it needs a step, a bookmark, start, end or live");
    auto* history = TRY(debugger.time_travel().stopped_history());
    auto position = TRY(position_named(*history, arguments.words[0]));
    TRY(debugger.time_travel().go_to(position));
    auto text = recorded_step(*history, debugger.view(), symbol).text() + "\n";
    if (debugger.client_attached())
        text +=
            "A debugger may still show the old registers: in gdb, `maintenance flush "
            "register-cache` reads them again.\n";
    return text;
}

// A name that goto cannot mistake for anything else.
bool is_bookmark_name(std::string_view name) {
    const bool taken = std::ranges::find(kPlaces, name) != std::end(kPlaces) || name == "delete";
    return !taken && !name.empty() && (name[0] < '0' || name[0] > '9');
}

std::string list_bookmarks(const history::History& history) {
    std::string text;
    for (const auto& [name, position] : history.bookmarks()) {
        text += history.has(position) ? fmt::format("{}  step {}\n", name, history.log().steps_to(position))
                                      : fmt::format("{}  dropped to make room\n", name);
    }
    return text.empty() ? "There are no bookmarks.\n" : text;
}

Result<std::string> bookmark(Debugger& debugger, const Arguments& arguments) {
    auto* history = TRY(debugger.time_travel().stopped_history());
    const auto& words = arguments.words;
    if (words.empty())
        return list_bookmarks(*history);
    if (words[0] == "delete") {
        const auto found =
            words.size() < 2 ? history->bookmarks().end() : history->bookmarks().find(words[1]);
        if (found == history->bookmarks().end())
            return failure("bookmark delete", "there is no bookmark of this name");
        history->bookmarks().erase(found);
        return fmt::format("Bookmark {} is deleted.\n", words[1]);
    }
    if (words.size() > 1 || !is_bookmark_name(words[0]))
        return failure("bookmark",
                       "a name is one word, is not a number, and is not start, end, live or delete");
    history->bookmarks()[std::string(words[0])] = history->position();
    return fmt::format("Bookmark {} is step {}.\n", words[0], history->step());
}

// ---- info os history

constexpr std::uint64_t kStepsShown = 16;

using Notes = std::map<std::uint64_t, std::string>;  // by position

void note(Notes& notes, std::uint64_t position, std::string_view text) {
    std::string& all = notes[position];
    all += (all.empty() || text.empty() ? "" : " ") + std::string(text);
}

std::vector<std::vector<std::string>> history_rows(Debugger& debugger, const SymbolOf& symbol) {
    const auto found = debugger.time_travel().stopped_history();
    if (!found)
        return {{"", "", "", "", "", found.error().message()}};
    history::History& history = **found;
    Notes notes;
    note(notes, history.log().begin(), "start");
    for (const auto& [name, position] : history.bookmarks()) {
        if (history.has(position))
            note(notes, position, name);
    }
    for (std::uint64_t back = 1; back <= std::min(kStepsShown, history.step()); ++back) {
        if (const auto position = history.log().position_of_step(history.step() - back))
            note(notes, *position, "");
    }
    note(notes, history.position(), "here");
    note(notes, history.log().end(), "end");
    std::vector<std::vector<std::string>> rows;
    for (const auto& [position, text] : notes) {
        const auto step =
            history.as_of(position, [&] { return recorded_step(history, debugger.view(), symbol); });
        rows.push_back({fmt::to_string(step.step), fmt::to_string(step.vcpu.value_or(VcpuIndex{}).value),
                        fmt::format("0x{:x}", step.rip), step.symbol, step.instruction, text});
    }
    return rows;
}

}  // namespace

void add_history_commands(MonitorRegistry& registry, Debugger& debugger, const SymbolOf& symbol) {
    registry.add({"record", "[on [SIZE]|off|status]",
                  "records each instruction, for gdb's reverse commands; drops the oldest when SIZE is full",
                  [&](auto, auto rest) { return record(debugger.time_travel(), rest); }});
    add_last_change_commands(registry, debugger, symbol);
    add_text(registry, debugger,
             {"goto", "STEP|NAME|start|end|live",
              "shows the guest as it was before a recorded step or at a bookmark; live: where it runs on", 1,
              [&debugger, symbol](const Arguments& arguments) { return go_to(debugger, symbol, arguments); }},
             Subject::Machine);
    add_text(registry, debugger,
             {"bookmark", "[NAME|delete NAME]",
              "names the current step of the recording for goto, or lists the names", 2,
              [&](const Arguments& arguments) { return bookmark(debugger, arguments); }},
             Subject::Machine);
}

void add_history_document(DocumentStore& documents, Debugger& debugger, const SymbolOf& symbol) {
    documents.add({"history",
                   "History",
                   "the recorded steps before the current one, with bookmarks",
                   {"step", "vcpu", "rip", "symbol", "instruction", "place"},
                   [&debugger, symbol] { return history_rows(debugger, symbol); }});
}

}  // namespace ringside::debug
