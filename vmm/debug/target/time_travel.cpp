#include "vmm/debug/target/time_travel.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "vmm/debug/run_control/thread_ids.h"
#include "vmm/debug/target/debugger.h"
#include "vmm/debug/target/errors.h"
#include "vmm/debug/target/non_stop_access.h"
#include "vmm/history/whole_state.h"

namespace ringside::debug {

static_assert(Turns::kSteps == 1024, "kOneAtATime names it");

TimeTravel::TimeTravel(Debugger& debugger, DebuggerOwner& owner)
    : debugger_(debugger),
      owner_(owner),
      recorder_(debugger.machine(), debugger.view()),
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
    else if (debugger_.machine().vcpu_count() > 1)
        debugger_.guest().turns().begin([this](VcpuIndex vcpu) { return recorder_.activity(vcpu); });
    return started;
}

Result<void> TimeTravel::stop_recording() {
    const auto* token = debugger_.stop_token();
    if (token == nullptr)
        return failure("stop recording", "the guest is running", "Interrupt it first");
    if (in_past())
        debugger_.future_is_gone();
    TRY(before_running());
    debugger_.guest().turns().end();
    TRY(recorder_.stop());
    debugger_.guest().table().set_stepping_only(*token, false);
    return {};
}

bool TimeTravel::takes_turns() const {
    return debugger_.guest().turns().active();
}

// ---- Journeys

gdbstub::Result<void> TimeTravel::go_back(gdbstub::ThreadId thread, bool one_step) {
    if (debugger_.stop_token() == nullptr)
        return still_running();
    if (recorder_.active()) {
        if (const auto whole = history::check_whole(recorder_.history().image()); !whole)
            return refuse(whole.error());
    }
    if (one_step)
        begin(Direction::Back, thread, gdbstub::Step{});
    else
        begin(Direction::Back, thread, gdbstub::Continue{});
    return {};
}

// The first thread that steps decides how far the machine goes. The other vCPUs do what was recorded, even if the request
// does not name them.
gdbstub::Result<void> TimeTravel::go_forward(std::span<const gdbstub::ThreadResume> wanted) {
    wanted_.assign(wanted.begin(), wanted.end());
    const auto steps = std::ranges::find_if(wanted_, [](const gdbstub::ThreadResume& one) {
        return !std::holds_alternative<gdbstub::Continue>(one.action);
    });
    const auto& first = steps != wanted_.end() ? *steps : wanted_.front();
    begin(Direction::Forward, first.thread, first.action);
    return {};
}

void TimeTravel::begin(Direction direction, gdbstub::ThreadId thread, const gdbstub::ResumeAction& action) {
    thread_ = thread;
    traveller_.begin(direction, vcpu_of(thread), action);
    travelling_ = true;
    interrupted_ = false;
    owner_.post([this] { go_on(); });
}

void TimeTravel::go_on() {
    if (!travelling_)
        return;
    if (!recorder_.active())
        return arrive(thread_, gdbstub::ReplayLogEnd{.at_begin = true},
                      "Nothing is recorded: `monitor record on` starts a recording.\n");
    auto arrival = traveller_.go_on(recorder_.history());
    if (!arrival && interrupted_)
        return arrive(thread_, gdbstub::StoppedByInterrupt{}, {});
    if (!arrival)
        return owner_.post([this] { go_on(); });
    if (!arrival->present)
        return arrive(thread_of(arrival->vcpu), arrival->stop.reason, std::move(arrival->stop.console));
    travelling_ = false;
    if (auto put = recorder_.put(); !put)
        return fail(put.error().message());
    debugger_.moved_in_time();
    if (auto resumed = debugger_.resume_live(wanted_); !resumed)
        fail(resumed.error().message);
}

// If KVM refuses the state of the past, the guest is shown at the recording's end.
Result<void> TimeTravel::put_or_return() {
    auto put = recorder_.put();
    if (put)
        return {};
    recorder_.history().move_to(recorder_.history().log().end());
    TRY(recorder_.put());
    return put;
}

void TimeTravel::fail(const std::string& why) {
    arrive(thread_, gdbstub::StoppedBySignal{gdbstub::Signal::Abort, false}, why + "\n");
}

void TimeTravel::arrive(gdbstub::ThreadId thread, gdbstub::StopReason reason, std::string console) {
    travelling_ = false;
    if (recorder_.active()) {
        if (auto put = put_or_return(); !put)
            console += put.error().message() + "\n";
        debugger_.moved_in_time();
    }
    debugger_.stopped_in_time({thread, reason, std::move(console)});
}

Result<history::History*> TimeTravel::stopped_history() {
    constexpr const char* kOperation = "history";
    if (!recorder_.active())
        return failure(kOperation, "nothing is recorded", "`monitor record on` starts a recording");
    if (debugger_.stop_token() == nullptr || travelling_)
        return failure(kOperation, "the guest is running", "Interrupt it first");
    return &recorder_.history();
}

Result<void> TimeTravel::go_to(std::uint64_t position) {
    auto* history = TRY(stopped_history());
    TRY(history::check_whole(history->image()));
    history->move_to(position);
    auto put = put_or_return();
    debugger_.moved_in_time();
    return put;
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

// The machine starts anew, so the state at the recording's end need not be restored.
bool TimeTravel::drop(const machine::StopToken& token) {
    travelling_ = false;
    debugger_.guest().turns().end();
    if (!recorder_.active())
        return false;
    if (auto stopped = recorder_.stop(); !stopped)
        owner_.on_notice(stopped.error().message());
    debugger_.guest().table().set_stepping_only(token, false);
    return true;
}

void TimeTravel::client_left(bool keep) {
    const bool elsewhere = std::exchange(travelling_, false) || in_past();
    if (!recorder_.active())
        return;
    if (elsewhere) {
        recorder_.history().move_to(recorder_.history().log().end());
        if (auto put = recorder_.put(); !put)
            owner_.on_notice(put.error().message());
        debugger_.moved_in_time();
    }
    if (auto stopped = keep ? before_running() : stop_recording(); !stopped)
        owner_.on_notice(stopped.error().message());
}

}  // namespace ringside::debug
