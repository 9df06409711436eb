// `?`, vCont and its predecessors.
#include <algorithm>
#include <array>
#include <utility>

#include "gdbstub/session/session_core.h"

namespace ringside::gdbstub {
namespace {

// Adds a vCont action for a thread; `t` does nothing to a stopped one.
struct ToResume {
    ThreadId thread;
    std::vector<ThreadResume>& list;
    void operator()(packet::vCont::Stop) const {}
    template <typename Action>
    void operator()(const Action& action) const {
        list.push_back({thread, action});
    }
};

}  // namespace

// Without registers gdb reads them all by `g` at once, and knows from then on how long that reply is. It has to know before
// it saves a trace: a frame's registers are as long, and nothing else says so (Tracepoint Packets: qTBuffer).
SessionCore::Handled SessionCore::handle(const packet::QuestionMark&, Stopped stopped) {
    const StopEvent event = target_.execution().last_stop();
    write_stop_reply(event, stopped, client_.kind == Client::Kind::Gdb ? Expedited::No : Expedited::Yes);
    return {};
}

SessionCore::Handled SessionCore::handle(const packet::vCont_query&) {
    reply_.frame().text("vCont;c;C;s;S;t;r");
    return {};
}

SessionCore::Handled SessionCore::handle(const packet::vCont& packet, Stopped stopped) {
    resume_list_.clear();
    for (const KnownThread& known : threads_)
        if (const auto action = packet.action_for(known.id))
            std::visit(ToResume{known.id, resume_list_}, *action);
    if (!resume_list_.empty())
        return resume(stopped);
    // Every named thread is to stay stopped: nothing to do.
    if (threads_.empty() || !general_)
        return failure(TargetError::Code::Invalid, "vCont names no thread that exists");
    write_stop_reply({*general_, StoppedBySignal{Signal::None, false}, {}}, stopped);
    return {};
}

SessionCore::Handled SessionCore::resume(Stopped stopped) {
    return set_running(stopped, [this] { return target_.execution().resume(resume_list_); });
}

SessionCore::Handled SessionCore::go_back(Stopped stopped, bool one_step) {
    if (stopped.reverse() == nullptr)
        return empty();
    const std::optional<ThreadId> thread = continue_ ? continue_ : general_;
    if (!thread || !has_thread(*thread))
        return failure(TargetError::Code::Invalid, "there is no thread to take back");
    return set_running(stopped, [&] { return stopped.reverse()->go_back(*thread, one_step); });
}

template <typename Start>
SessionCore::Handled SessionCore::set_running(Stopped stopped, Start&& start) {
    state_ = Running{};
    deliver();
    if (auto started = start(); !started) {
        state_ = stopped;
        return started;
    }
    document_.reset();
    traces_.leave_frame();
    together_.clear();
    write_console(std::exchange(console_, {}));
    if (std::exchange(interrupt_queued_, false))
        target_.execution().interrupt();
    return {};
}

void SessionCore::deliver() {
    if (hooks_.deliver && !output_.empty())
        hooks_.deliver();
}

SessionCore::Handled SessionCore::resume_legacy(Stopped stopped, const std::optional<Address>& address,
                                                const ResumeAction& action) {
    const std::optional<ThreadId> thread = continue_ ? continue_ : general_;
    if (!thread || !has_thread(*thread))
        return failure(TargetError::Code::Invalid, "there is no thread to resume");
    if (address) {
        std::array<std::byte, sizeof(Address)> pc{};
        for (std::size_t i = 0; i < pc.size(); ++i)
            pc[i] = static_cast<std::byte>(*address >> (8 * i));
        const std::size_t size = std::min<std::size_t>(pc.size(), target_.address_bytes());
        STUB_TRY(stopped.registers().write(*thread, stopped.registers().pc(), std::span(pc).first(size)));
    }
    // Without an Hc for one thread, a step applies to the chosen thread, and the others run.
    resume_list_.clear();
    for (const KnownThread& known : threads_) {
        if (known.id == *thread)
            resume_list_.push_back({known.id, action});
        else if (!continue_)
            resume_list_.push_back({known.id, Continue{}});
    }
    return resume(stopped);
}

SessionCore::Handled SessionCore::handle(const packet::c& packet, Stopped stopped) {
    return resume_legacy(stopped, packet.address, Continue{});
}

SessionCore::Handled SessionCore::handle(const packet::C& packet, Stopped stopped) {
    return resume_legacy(stopped, packet.address, Continue{packet.signal});
}

SessionCore::Handled SessionCore::handle(const packet::s& packet, Stopped stopped) {
    return resume_legacy(stopped, packet.address, Step{});
}

SessionCore::Handled SessionCore::handle(const packet::S& packet, Stopped stopped) {
    return resume_legacy(stopped, packet.address, Step{packet.signal});
}

SessionCore::Handled SessionCore::handle(const packet::vCtrlC&) {
    take(frame::Interrupt{});
    return ok();
}

}  // namespace ringside::gdbstub
