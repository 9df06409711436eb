// Non-stop mode: threads stop one by one, and a notification reports each stop to the client.
#include <array>
#include <utility>

#include "gdbstub/overloaded.h"
#include "gdbstub/session/session_core.h"

namespace ringside::gdbstub {
namespace {

constexpr TargetError::Code kInvalid = TargetError::Code::Invalid;

}  // namespace

SessionCore::Handled SessionCore::handle(const packet::QNonStop& packet) {
    if (packet.on)
        STUB_TRY(begin_non_stop());
    else if (std::holds_alternative<InNonStop>(state_))
        STUB_TRY(end_non_stop());
    non_stop_ = packet.on;
    return ok();
}

Result<void> SessionCore::begin_non_stop() {
    if (std::holds_alternative<InNonStop>(state_))
        return {};
    if (target_.non_stop() == nullptr)
        return failure(TargetError::Code::Unsupported, "non-stop mode is not supported: set non-stop off");
    if (!std::holds_alternative<Stopped>(state_))
        return failure(kInvalid, "not attached to the target");
    STUB_TRY(target_.non_stop()->set_non_stop(true));
    state_ = InNonStop{};
    stops_.clear();
    for (KnownThread& known : threads_)
        known.runs = false;
    return {};
}

// The client waits for all threads to stop, like one that attaches.
Result<void> SessionCore::end_non_stop() {
    STUB_TRY(target_.non_stop()->set_non_stop(false));
    stops_.clear();
    if (target_.execution().running()) {
        state_ = Attaching{};
        target_.execution().interrupt();
    } else {
        state_ = target_.stopped();
    }
    return {};
}

// The target has stopped again for a client in non-stop mode. Notifies the client, unless it gets one stop in a reply
// and asks for the others.
void SessionCore::take_up_non_stop(bool tell) {
    if (const auto begun = begin_non_stop(); !begun) {
        last_error_ = begun.error().message;
        return;
    }
    if (!tell)
        return;
    for (StopEvent& stop : target_.non_stop()->stops())
        stops_.push(std::move(stop));
    notify();
}

// ---- Stops

void SessionCore::on_thread_stop(const StopEvent& event) {
    if (KnownThread* known = find_thread(event.thread))
        known->runs = false;
    keep_console(event.console);
    stops_.push(event);
    notify();
}

void SessionCore::notify() {
    const StopEvent* stop = stops_.to_send();
    if (stop == nullptr)
        return;
    const TargetGate::Hold hold(target_);
    auto frame = reply_.notification();
    frame.text("Stop:");
    write_stop(frame, *stop, target_.stopped());
}

void SessionCore::answer_with(const StopEvent* stop, Stopped stopped) {
    auto frame = reply_.frame();
    if (stop == nullptr)
        frame.text("OK");
    else
        write_stop(frame, *stop, stopped);
}

SessionCore::Handled SessionCore::handle(const packet::vStopped&) {
    stops_.acknowledge();
    if (client_.one_stop_a_time()) {
        auto done = ok();
        notify();
        return done;
    }
    const TargetGate::Hold hold(target_);
    answer_with(stops_.to_send(), target_.stopped());
    return {};
}

// The client wants every stopped thread to be reported again.
SessionCore::Handled SessionCore::handle_in_non_stop(const packet::QuestionMark&, Stopped stopped) {
    stops_.clear();
    for (StopEvent& stop : target_.non_stop()->stops())
        stops_.push(std::move(stop));
    answer_with(stops_.to_send(), stopped);
    return {};
}

// ---- Resuming and stopping threads

// Actions for a thread that already runs, or whose stop has not been reported to the client, are ignored.
SessionCore::Handled SessionCore::handle_in_non_stop(const packet::vCont& packet, Stopped) {
    resume_list_.clear();
    std::vector<ThreadId> to_stop;
    for (const KnownThread& known : threads_) {
        const auto action = packet.action_for(known.id);
        if (!action || stops_.has(known.id))
            continue;
        std::visit(Overloaded{[&](packet::vCont::Stop) {
                                  if (known.runs)
                                      to_stop.push_back(known.id);
                              },
                              [&](const auto& resume) {
                                  if (!known.runs)
                                      resume_list_.push_back({known.id, resume});
                              }},
                   *action);
    }
    if (!resume_list_.empty()) {
        STUB_TRY(target_.execution().resume(resume_list_));
        document_.reset();
        for (const ThreadResume& resumed : resume_list_)
            find_thread(resumed.thread)->runs = true;
    }
    auto done = ok();
    target_.non_stop()->stop(to_stop, StoppedBySignal{Signal::None, false});
    if (interrupt_queued_)
        interrupt_a_thread();
    return done;
}

// As if the user had pressed Ctrl-C: one thread gets the signal, the chosen one if it runs. If none runs, for example
// between two steps that the client makes for one command, the next one to be resumed gets it.
void SessionCore::interrupt_a_thread() {
    const KnownThread* chosen = general_ ? find_thread(*general_) : nullptr;
    for (const KnownThread& known : threads_) {
        if (known.runs && (chosen == nullptr || !chosen->runs))
            chosen = &known;
    }
    interrupt_queued_ = chosen == nullptr || !chosen->runs;
    if (!interrupt_queued_)
        target_.non_stop()->stop(std::array{chosen->id}, StoppedByInterrupt{});
}

SessionCore::Handled SessionCore::only_in_all_stop() {
    return failure(kInvalid, "this packet is for all-stop mode: vCont resumes threads in non-stop mode");
}

// gdb shows the error as a warning, but marks the thread as running until a stop is reported.
SessionCore::Handled SessionCore::stay(Stopped stopped, std::string_view packet) {
    if (stopped.reverse() == nullptr)
        return empty();
    const std::optional<ThreadId> thread = continue_ ? continue_ : general_;
    const KnownThread* known = thread ? find_thread(*thread) : nullptr;
    if (known == nullptr || known->runs)
        return failure(kInvalid, "there is no stopped thread to take back");
    write_error(
        {kInvalid, "in non-stop mode no thread goes back: detach, and attach after `set non-stop off`"},
        packet, true);
    on_thread_stop({*thread, ReplayLogEnd{.at_begin = true}, {}});
    return {};
}

Result<ThreadId> SessionCore::resolve_stopped(const ThreadSuffix& suffix) const {
    const ThreadId thread = STUB_TRY(resolve(suffix));
    const KnownThread* known = find_thread(thread);
    if (std::holds_alternative<InNonStop>(state_) && known != nullptr && known->runs)
        return failure(kInvalid, "the thread runs: interrupt it first");
    return thread;
}

}  // namespace ringside::gdbstub
