// The packets that leave, end or restart the target.
//
// In extended mode (`!`) the client stays when the target has ended or was killed. A killed target is held, and ends
// only when the client leaves. Until then vRun restarts it, and vAttach attaches to it as it was.
#include <utility>

#include "gdbstub/session/session_core.h"

namespace ringside::gdbstub {

SessionCore::Handled SessionCore::handle(const packet::ExtendedMode&) {
    if (target_.restart() == nullptr)
        return empty();
    extended_ = true;
    target_.restart()->client_stays();
    return ok();
}

// The client closes the connection, or attaches again with vAttach or vRun.
SessionCore::Handled SessionCore::handle(const packet::D&) {
    if (std::holds_alternative<Gone>(state_))
        return failure(TargetError::Code::Invalid, "the target has ended");
    auto done = ok();
    deliver();
    if (owns_target_)
        target_.execution().detach();
    release();
    state_ = Detached{};
    return done;
}

// gdb expects no reply to `k`; LLDB expects the end of the process.
SessionCore::Handled SessionCore::handle(const packet::k&) {
    if (client_.is_lldb())
        reply_.frame().text("X").hex_byte(static_cast<std::uint8_t>(Signal::Kill));
    kill_target();
    return {};
}

SessionCore::Handled SessionCore::handle(const packet::vKill&) {
    kill_target();
    return ok();
}

void SessionCore::kill_target() {
    if (extended_)
        return hold_killed();
    const bool owned = owns_target_;
    release();
    // A line does not close. The client that debugs the next machine on it attaches again.
    if (line_outlives_client_)
        state_ = Detached{};
    else
        state_ = Closed{};
    if (owned)
        target_.execution().kill();
}

// A client that has detached has no more control over the target.
void SessionCore::hold_killed() {
    if (!owns_target_)
        return;
    if (running())
        target_.execution().interrupt();
    release();
    owns_target_ = true;
    state_ = Gone{Terminated{Signal::Kill}, true};
}

SessionCore::Handled SessionCore::handle_gone(const packet::QuestionMark&) {
    write_stop_reply({{}, std::get<Gone>(state_).how, {}}, target_.stopped());
    return {};
}

SessionCore::Handled SessionCore::handle_gone(const packet::qfThreadInfo&) {
    reply_.frame().text("l");
    return {};
}

SessionCore::Handled SessionCore::handle_gone(const packet::qXfer& packet) {
    if (packet.object != "threads")
        return handle(packet, target_.stopped());
    reply_.frame().text("l<?xml version=\"1.0\"?>\n<threads>\n</threads>\n");
    return {};
}

SessionCore::Handled SessionCore::handle(const packet::vAttach&) {
    const auto* gone = std::get_if<Gone>(&state_);
    if (gone != nullptr && !gone->killed)
        return failure(TargetError::Code::Invalid, "the target has ended: `run` restarts it");
    if (gone == nullptr && !std::holds_alternative<Detached>(state_))
        return failure(TargetError::Code::Invalid, "already attached");
    if (!non_stop_) {
        attach(true);
        return {};
    }
    auto done = ok();
    attach(false);
    return done;
}

SessionCore::Handled SessionCore::handle(const packet::vRun& packet) {
    return restart(packet.wanted(), true);
}

// It has no reply, not even for an error: the client asks with `?`.
SessionCore::Handled SessionCore::handle(const packet::R&) {
    if (const auto done = restart({}, false); !done)
        last_error_ = done.error().message;
    return {};
}

SessionCore::Handled SessionCore::restart(const Restart::Wanted& wanted, bool reply_with_stop) {
    if (target_.restart() == nullptr)
        return empty();
    if (!extended_)
        return failure(TargetError::Code::Invalid,
                       "the target restarts only in extended mode: use `target extended-remote`");
    STUB_TRY(target_.restart()->restart(wanted));
    // The stop has been asked for, and cannot arrive before this returns.
    const bool owned = owns_target_;
    release();
    continue_.reset();
    state_ = Attaching{reply_with_stop};
    if (owned)
        owns_target_ = true;
    else
        take_target();
    return {};
}

}  // namespace ringside::gdbstub
