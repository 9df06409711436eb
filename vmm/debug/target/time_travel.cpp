#include "vmm/debug/target/time_travel.h"

#include <utility>

#include <fmt/format.h>

#include "vmm/debug/run_control/thread_ids.h"
#include "vmm/debug/target/debugger.h"
#include "vmm/debug/target/errors.h"
#include "vmm/debug/target/non_stop_access.h"

namespace ringside::debug {

TimeTravel::TimeTravel(Debugger& debugger, DebuggerOwner& owner)
    : debugger_(debugger),
      owner_(owner),
      recorder_(debugger.machine(), debugger.view(), VcpuIndex{0}),
      traveller_(debugger.guest().table(), debugger.view(), debugger.guest().registers()) {}

Result<void> TimeTravel::record(std::size_t size) {
    const auto* token = debugger_.stop_token();
    if (token == nullptr)
        return failure("record", "the guest is running", "Interrupt it first");
    TRY(check_all_stop(debugger_.guest().stops(), "record"));
    TRY(debugger_.guest().abilities());
    debugger_.guest().table().set_stepping_only(*token, true);
    auto started = recorder_.start(size);
    if (!started)
        debugger_.guest().table().set_stepping_only(*token, false);
    return started;
}

Result<void> TimeTravel::stop_recording() {
    const auto* token = debugger_.stop_token();
    if (token == nullptr)
        return failure("stop recording", "the guest is running", "Interrupt it first");
    if (in_past())
        debugger_.future_is_gone();
    TRY(before_running());
    TRY(recorder_.stop());
    debugger_.guest().table().set_stepping_only(*token, false);
    return {};
}

// ---- Journeys

gdbstub::Result<void> TimeTravel::go_back(gdbstub::ThreadId thread, bool one_step) {
    if (debugger_.stop_token() == nullptr)
        return still_running();
    wanted_ = {thread, gdbstub::Continue{}};
    if (one_step)
        wanted_.action = gdbstub::Step{};
    begin(Direction::Back, wanted_.action);
    return {};
}

gdbstub::Result<void> TimeTravel::go_forward(const gdbstub::ThreadResume& wanted) {
    wanted_ = wanted;
    begin(Direction::Forward, wanted.action);
    return {};
}

void TimeTravel::begin(Direction direction, const gdbstub::ResumeAction& action) {
    traveller_.begin(direction, action);
    travelling_ = true;
    interrupted_ = false;
    owner_.post([this] { go_on(); });
}

void TimeTravel::go_on() {
    if (!travelling_)
        return;
    if (!recorder_.active())
        return arrive(gdbstub::ReplayLogEnd{.at_begin = true},
                      "Nothing is recorded: `monitor record on` starts a recording.\n");
    auto arrival = traveller_.go_on(recorder_.history());
    if (!arrival && interrupted_)
        return arrive(gdbstub::StoppedByInterrupt{}, {});
    if (!arrival)
        return owner_.post([this] { go_on(); });
    if (!arrival->present)
        return arrive(arrival->stop.reason, std::move(arrival->stop.console));
    travelling_ = false;
    if (auto put = recorder_.put(); !put)
        return arrive(gdbstub::StoppedBySignal{gdbstub::Signal::Abort, false}, put.error().message() + "\n");
    debugger_.moved_in_time(wanted_.thread);
    if (auto resumed = debugger_.resume_live({&wanted_, 1}); !resumed)
        arrive(gdbstub::StoppedBySignal{gdbstub::Signal::Abort, false}, resumed.error().message + "\n");
}

void TimeTravel::arrive(gdbstub::StopReason reason, std::string console) {
    travelling_ = false;
    if (recorder_.active()) {
        if (auto put = recorder_.put(); !put)
            console += put.error().message() + "\n";
        debugger_.moved_in_time(wanted_.thread);
    }
    debugger_.stopped_in_time({wanted_.thread, std::move(reason), std::move(console)});
}

Result<history::History*> TimeTravel::stopped_history() {
    constexpr const char* kOperation = "history";
    if (!recorder_.active())
        return failure(kOperation, "nothing is recorded", "`monitor record on` starts a recording");
    if (debugger_.stop_token() == nullptr || travelling_)
        return failure(kOperation, "the guest is running", "Interrupt it first");
    return &recorder_.history();
}

Result<void> TimeTravel::go_to(gdbstub::ThreadId thread, std::uint64_t position) {
    auto* history = TRY(stopped_history());
    history->move_to(position);
    TRY(recorder_.put());
    debugger_.moved_in_time(thread);
    return {};
}

// ---- Edits and ends

void TimeTravel::edited() {
    if (!recorder_.active())
        return;
    const auto ahead = recorder_.take_edits();
    if (ahead && *ahead != 0)
        debugger_.future_is_gone();
    if (!ahead)
        owner_.on_console("The recording does not know of this change: " + ahead.error().message() + "\n");
    else if (*ahead != 0)
        owner_.on_console(fmt::format(
            "The past was changed: the recording after this point ({} step{}) is discarded, and the guest "
            "runs on from here.\n",
            *ahead, *ahead == 1 ? "" : "s"));
}

// What KVM has now is given up with the machine: the history's state need not be put back.
bool TimeTravel::drop(const machine::StopToken& token) {
    travelling_ = false;
    if (!recorder_.active())
        return false;
    if (auto stopped = recorder_.stop(); !stopped)
        owner_.on_notice(stopped.error().message());
    debugger_.guest().table().set_stepping_only(token, false);
    return true;
}

void TimeTravel::client_left(bool keep) {
    travelling_ = false;
    if (!recorder_.active())
        return;
    history::History& history = recorder_.history();
    while (!history.at_end())
        history.redo();
    if (auto put = recorder_.put(); !put)
        owner_.on_notice(put.error().message());
    debugger_.moved_in_time(wanted_.thread);
    if (auto stopped = keep ? before_running() : stop_recording(); !stopped)
        owner_.on_notice(stopped.error().message());
}

}  // namespace ringside::debug
