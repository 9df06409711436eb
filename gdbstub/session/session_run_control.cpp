// `?`, vCont and its forerunners, and the packets that leave or end the target.
#include <algorithm>
#include <array>
#include <utility>

#include "gdbstub/session/session_core.h"

namespace ringside::gdbstub {
namespace {

// Adds what a vCont action asks of a thread; `t` asks nothing of one that is stopped.
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

void SessionCore::handle(const packet::QuestionMark&, Stopped stopped) {
    const StopEvent event = target_.execution().last_stop();
    write_stop_reply(event, stopped);
}

void SessionCore::handle(const packet::vCont_query&) {
    reply_.frame().text("vCont;c;C;s;S;t;r");
}

void SessionCore::handle(const packet::vCont& packet, Stopped stopped) {
    resume_list_.clear();
    for (const KnownThread& known : threads_)
        if (const auto action = packet.action_for(known.id))
            std::visit(ToResume{known.id, resume_list_}, *action);
    if (!resume_list_.empty()) {
        resume(stopped);
        return;
    }
    // Every thread that was named is to stay stopped: so it does.
    if (threads_.empty() || !general_) {
        error({TargetError::Code::Invalid, "vCont names no thread that exists"}, Words::Accepted);
        return;
    }
    write_stop_reply({*general_, StoppedBySignal{Signal::None, false}, {}}, stopped);
}

void SessionCore::resume(Stopped stopped) {
    state_ = Running{};
    deliver();
    if (const auto started = target_.execution().resume(resume_list_); !started) {
        state_ = stopped;
        error(started.error(), Words::Accepted);
        return;
    }
    document_.reset();
    if (std::exchange(interrupt_queued_, false))
        target_.execution().interrupt();
}

void SessionCore::deliver() {
    if (deliver_ && !output_.empty())
        deliver_();
}

void SessionCore::resume_legacy(Stopped stopped, const std::optional<Address>& address,
                                const ResumeAction& action) {
    const std::optional<ThreadId> thread = continue_ ? continue_ : general_;
    if (!thread || !has_thread(*thread)) {
        error({TargetError::Code::Invalid, "no thread to resume"}, Words::Accepted);
        return;
    }
    if (address) {
        std::array<std::byte, sizeof(Address)> pc{};
        for (std::size_t i = 0; i < pc.size(); ++i)
            pc[i] = static_cast<std::byte>(*address >> (8 * i));
        const std::size_t size = std::min<std::size_t>(pc.size(), target_.address_bytes());
        const auto written =
            stopped.registers().write(*thread, stopped.registers().pc(), std::span(pc).first(size));
        if (!written) {
            error(written.error(), Words::Accepted);
            return;
        }
    }
    // Without an Hc for one thread, a step is that of the chosen thread and the others run.
    resume_list_.clear();
    for (const KnownThread& known : threads_) {
        if (known.id == *thread)
            resume_list_.push_back({known.id, action});
        else if (!continue_)
            resume_list_.push_back({known.id, Continue{}});
    }
    resume(stopped);
}

void SessionCore::handle(const packet::c& packet, Stopped stopped) {
    resume_legacy(stopped, packet.address, Continue{});
}

void SessionCore::handle(const packet::C& packet, Stopped stopped) {
    resume_legacy(stopped, packet.address, Continue{packet.signal});
}

void SessionCore::handle(const packet::s& packet, Stopped stopped) {
    resume_legacy(stopped, packet.address, Step{});
}

void SessionCore::handle(const packet::S& packet, Stopped stopped) {
    resume_legacy(stopped, packet.address, Step{packet.signal});
}

void SessionCore::handle(const packet::vCtrlC&) {
    take(frame::Interrupt{});
    ok();
}

// The client closes the connection, or attaches again with vAttach.
void SessionCore::handle(const packet::D&) {
    ok();
    deliver();
    if (owns_target_)
        target_.execution().detach();
    release();
    state_ = Detached{};
}

// gdb awaits no reply to `k`; LLDB awaits the end of the process.
void SessionCore::handle(const packet::k&) {
    if (client_.is_lldb())
        reply_.frame().text("X").hex_byte(static_cast<std::uint8_t>(Signal::Kill));
    kill_target();
}

void SessionCore::handle(const packet::vKill&) {
    ok();
    kill_target();
}

// A client that has detached has no more say over the target.
void SessionCore::kill_target() {
    const bool owned = owns_target_;
    release();
    state_ = Closed{};
    if (owned)
        target_.execution().kill();
}

void SessionCore::handle(const packet::vAttach&) {
    if (!std::holds_alternative<Detached>(state_)) {
        error({TargetError::Code::Invalid, "already attached"});
        return;
    }
    attach(true);
}

void SessionCore::handle(const packet::QNonStop& packet) {
    if (packet.on)
        error({TargetError::Code::Unsupported, "non-stop mode is not supported: set non-stop off"});
    else
        ok();
}

}  // namespace ringside::gdbstub
