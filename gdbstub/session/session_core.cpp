#include "gdbstub/session/session_core.h"

#include <algorithm>
#include <type_traits>
#include <utility>

#include "gdbstub/wire.h"

namespace ringside::gdbstub {
namespace {

// How much a client may send ahead while the target runs.
constexpr std::size_t kMaxHeldPackets = 64;
constexpr std::size_t kMaxHeldBytes = 2 * kMaxPayload;

// Packets for which gdb 13 accepts "E.words" without having announced error-message.
template <typename Packet, typename... Packets>
constexpr bool kIsOneOf = (std::is_same_v<Packet, Packets> || ...);
template <typename Packet>
constexpr bool kTakesWords =
    kIsOneOf<Packet, packet::g, packet::G, packet::p, packet::P, packet::M, packet::X, packet::vCont,
             packet::c, packet::C, packet::s, packet::S, packet::Z, packet::z, packet::QTDP, packet::QTDPsrc,
             packet::QTDV, packet::QTStart, packet::QTBuffer, packet::QTEnable, packet::QTDisable,
             packet::QTSave>;

// Packets that the session answers alone: running threads need not be held for them.
template <typename Packet>
constexpr bool kTouchesNothing = kIsOneOf<Packet, packet::H, packet::T, packet::qC, packet::qfThreadInfo>;

// A packet may be long and contain any bytes: its beginning is enough to identify it.
std::string log_line(std::string_view packet, const std::string& why) {
    constexpr std::size_t kShown = 40;
    std::string line;
    for (const char c : packet.substr(0, kShown))
        line += c >= ' ' && c <= '~' ? c : '.';
    line += packet.size() > kShown ? "...: " : packet.empty() ? "" : ": ";
    return line + why;
}

bool is_gone(const StopReason& reason) {
    return std::holds_alternative<Exited>(reason) || std::holds_alternative<Terminated>(reason);
}

}  // namespace

SessionCore::SessionCore(Target& target, SessionOptions options, SessionHooks hooks)
    : target_(target),
      hooks_(std::move(hooks)),
      reply_(output_, options.run_length_encoding),
      line_outlives_client_(options.line_outlives_client) {
    if (options.attach_at_once)
        attach(false);
}

// The client has shown that it uses the protocol. Returns false if it cannot have the target.
bool SessionCore::meet() {
    const std::string refusal = hooks_.admit ? hooks_.admit() : std::string();
    if (refusal.empty()) {
        attach(false);
        return true;
    }
    last_error_ = refusal;
    state_ = Closed{};
    return false;
}

void SessionCore::attach(bool reply_with_stop) {
    const bool was_running = target_.execution().running();
    state_ = Attaching{reply_with_stop};
    take_target();
    if (!was_running)
        on_stop(target_.execution().last_stop());
}

void SessionCore::take_target() {
    owns_target_ = true;
    target_.execution().attach();
    if (extended_)
        target_.restart()->client_stays();
}

std::size_t SessionCore::receive(std::span<const std::byte> bytes) {
    std::span<const std::byte> rest = bytes;
    while (output_.size() < Session::kOutputHighWater && !wants_close()) {
        const auto event = framer_.next(rest);
        if (!event)
            break;
        std::visit([this](const auto& e) { take(e); }, *event);
    }
    return wants_close() ? bytes.size() : bytes.size() - rest.size();
}

void SessionCore::on_stop(const StopEvent& event) {
    const bool gone = is_gone(event.reason);
    const std::optional<ThreadId> thread = gone ? std::nullopt : std::optional(event.thread);
    if (const auto* attaching = std::get_if<Attaching>(&state_)) {
        const bool reply = attaching->reply_with_stop;
        enter_stopped(thread);
        if (reply)
            write_stop_reply(event, target_.stopped());
        if (non_stop_ && !gone)
            take_up_non_stop(!reply);
    } else if (running()) {
        write_console(event.console);
        enter_stopped(thread);
        write_stop_reply(event, target_.stopped());
    } else if (std::holds_alternative<InNonStop>(state_)) {
        on_thread_stop(event);
    } else {
        return;
    }
    if (gone && extended_)
        state_ = Gone{event.reason, false};
    dispatch_held();
}

void SessionCore::enter_stopped(std::optional<ThreadId> thread) {
    const Stopped stopped = target_.stopped();
    state_ = stopped;
    const std::vector<ThreadId> ids = stopped.threads().threads();
    const bool same = std::equal(ids.begin(), ids.end(), threads_.begin(), threads_.end(),
                                 [](ThreadId id, const KnownThread& known) { return id == known.id; });
    if (!same) {
        threads_.clear();
        for (const ThreadId id : ids) {
            const auto info = stopped.threads().thread_info(id);
            threads_.push_back({id, info ? info->core : id.value - 1});
        }
    }
    // gdb assumes that the stop's thread is chosen, without saying so.
    general_ = thread;
}

void SessionCore::disconnected() {
    const auto* gone = std::get_if<Gone>(&state_);
    const bool killed = gone != nullptr && gone->killed;
    state_ = Closed{};
    held_.clear();
    held_bytes_ = 0;
    if (!std::exchange(owns_target_, false))
        return;
    if (killed)
        target_.execution().kill();
    else
        target_.execution().client_lost();
}

void SessionCore::release() {
    owns_target_ = false;
    interrupt_queued_ = false;
    document_.reset();
    traces_.forget_client();
    together_.clear();
    stops_.clear();
    console_.clear();
}

// ---- Frames

void SessionCore::acknowledge() {
    if (acknowledging_)
        reply_.ack();
}

// On a line that outlives its clients, a greeting is a new client's, whatever state the last one left.
bool SessionCore::is_new_client(std::string_view payload) const {
    if (!line_outlives_client_ || std::holds_alternative<Silent>(state_))
        return false;
    const bool greeted = client_.kind != Client::Kind::Unknown || std::holds_alternative<Attaching>(state_);
    return (std::holds_alternative<Detached>(state_) && !extended_) ||
           (greeted && payload.starts_with("qSupported"));
}

// Nothing of a client remains for the next one.
void SessionCore::forget_client() {
    disconnected();
    release();
    output_.clear();
    client_ = {};
    continue_.reset();
    extended_ = non_stop_ = false;
    acknowledging_ = true;
    reply_.keep_frames(true);
}

void SessionCore::lose_client() {
    forget_client();
    state_ = Detached{};
}

void SessionCore::greet_new_client() {
    forget_client();
    attach(false);
}

void SessionCore::take(const frame::Packet& frame) {
    reply_.forget_kept();
    if (is_new_client(frame.payload))
        greet_new_client();
    acknowledge();
    if (std::holds_alternative<Silent>(state_) && !meet()) {
        // gdb shows the reply to its greeting. LLDB greets with QStartNoAckMode: it reports at once that the connection
        // has ended, but after a reply it goes on waiting.
        if (frame.payload != "QStartNoAckMode")
            reply_.frame().text("E.").words(last_error_);
        return;
    }
    const bool waiting = running() || std::holds_alternative<Attaching>(state_);
    if (waiting && !(running() && held_.empty() && acts_while_running(parse_command(frame.payload))))
        hold_back(frame.payload);
    else
        dispatch(frame.payload);
}

void SessionCore::take(frame::Interrupt) {
    if (running())
        target_.execution().interrupt();
    else if (std::holds_alternative<InNonStop>(state_))
        interrupt_a_thread();
    else if (std::holds_alternative<Stopped>(state_))
        interrupt_queued_ = true;
}

// A socket shows that its client has left. There the byte is noise.
void SessionCore::take(frame::Hangup) {
    if (!line_outlives_client_)
        return;
    if (!std::holds_alternative<Silent>(state_))
        lose_client();
    output_.append(wire::kHungUp);
}

void SessionCore::take(frame::Nak) {
    reply_.repeat();
}

// A client that acknowledges sends the packet again. Any other would wait forever for a reply.
void SessionCore::take(frame::BadChecksum) {
    if (acknowledging_)
        reply_.nak();
    else
        write_error({TargetError::Code::Invalid, "packet with a wrong checksum"});
}

void SessionCore::take(frame::Oversized) {
    acknowledge();
    write_error({TargetError::Code::Invalid, "packet longer than the announced PacketSize"});
}

void SessionCore::take(frame::Malformed) {
    acknowledge();
    write_error(malformed().value());
}

// ---- Dispatch

bool SessionCore::acts_while_running(const Command& command) const {
    return std::holds_alternative<packet::vCtrlC>(command) || std::holds_alternative<packet::k>(command) ||
           std::holds_alternative<packet::vKill>(command) || std::holds_alternative<packet::D>(command);
}

void SessionCore::dispatch(std::string_view payload) {
    const Command command = parse_command(payload);
    std::visit(
        [this, payload]<typename Packet>(const Packet& packet) {
            if (const auto done = handle_in_state(packet); !done)
                write_error(done.error(), payload, kTakesWords<Packet>);
        },
        command);
}

template <typename Packet>
SessionCore::Handled SessionCore::handle_in_state(const Packet& packet) {
    if constexpr (requires(Stopped stopped) { handle(packet, stopped); }) {
        if (const auto* stopped = std::get_if<Stopped>(&state_))
            return handle(packet, *stopped);
        if (std::holds_alternative<InNonStop>(state_)) {
            std::optional<TargetGate::Hold> hold;
            if constexpr (!kTouchesNothing<Packet>)
                hold.emplace(target_);
            return handle_in_non_stop(packet, target_.stopped());
        }
        if (std::holds_alternative<Gone>(state_))
            return handle_gone(packet);
        return failure(TargetError::Code::Invalid, "not attached to the target");
    } else {
        return handle(packet);
    }
}

void SessionCore::hold_back(std::string_view payload) {
    if (held_.size() == kMaxHeldPackets || payload.size() > kMaxHeldBytes - held_bytes_) {
        last_error_ = "the client sent too many packets while the target ran";
        if (line_outlives_client_)
            lose_client();
        else
            state_ = Closed{};
        return;
    }
    held_bytes_ += payload.size();
    held_.emplace_back(payload);
}

void SessionCore::dispatch_held() {
    while (!held_.empty() && !running() && !std::holds_alternative<Attaching>(state_) && !wants_close()) {
        const std::string payload = std::move(held_.front());
        held_.pop_front();
        held_bytes_ -= payload.size();
        dispatch(payload);
    }
}

// ---- Replies

SessionCore::Handled SessionCore::ok() {
    reply_.frame().text("OK");
    return {};
}

SessionCore::Handled SessionCore::empty() {
    reply_.frame().text("");
    return {};
}

void SessionCore::write_error(const TargetError& error, std::string_view packet, bool in_words) {
    last_error_ = error.message;
    auto frame = reply_.frame();
    const bool accepted = in_words && client_.kind == Client::Kind::Gdb;
    if (!error.message.empty() && (accepted || client_.error_message)) {
        frame.text("E.").words(error.message);
        return;
    }
    frame.text("E").hex_byte(static_cast<std::uint8_t>(error.code));
    if (client_.error_strings)
        frame.text(";").hex(error.message);
    else if (hooks_.on_error)
        hooks_.on_error(log_line(packet, error.message));
}

// ---- Session: the public face

Session::Session(Target& target, SessionOptions options, SessionHooks hooks)
    : core_(std::make_unique<SessionCore>(target, options, std::move(hooks))) {}
Session::~Session() = default;

std::size_t Session::receive(std::span<const std::byte> bytes) {
    return core_->receive(bytes);
}
void Session::on_stop(const StopEvent& event) {
    core_->on_stop(event);
}
void Session::on_console(std::string_view text) {
    core_->on_console(text);
}
void Session::disconnected() {
    core_->disconnected();
}
OutputBuffer& Session::output() {
    return core_->output();
}
bool Session::wants_close() const {
    return core_->wants_close();
}
bool Session::running() const {
    return core_->running();
}
const std::string& Session::last_error() const {
    return core_->last_error();
}

}  // namespace ringside::gdbstub
