// The session's state machine and one handler for each packet, named by the packet's type.
//
// A handler that takes a Stopped runs only while the target is stopped. Each writes exactly one reply, or
// returns an error that is written for it; those that resume the target have the stop as their reply.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "gdbstub/commands.h"
#include "gdbstub/framer.h"
#include "gdbstub/output_buffer.h"
#include "gdbstub/reply_writer.h"
#include "gdbstub/session.h"
#include "gdbstub/session/client.h"
#include "gdbstub/session/session_tracepoints.h"
#include "gdbstub/session/stop_queue.h"
#include "gdbstub/session/stop_words.h"
#include "gdbstub/session/stopped.h"
#include "gdbstub/target.h"

namespace ringside::gdbstub {

class SessionCore {
  public:
    SessionCore(Target& target, SessionOptions options, SessionHooks hooks);
    ~SessionCore() { disconnected(); }
    SessionCore(const SessionCore&) = delete;
    SessionCore& operator=(const SessionCore&) = delete;

    std::size_t receive(std::span<const std::byte> bytes);
    void on_stop(const StopEvent& event);
    void on_console(std::string_view text);
    void disconnected();

    OutputBuffer& output() { return output_; }
    bool wants_close() const { return std::holds_alternative<Closed>(state_); }
    bool running() const { return std::holds_alternative<Running>(state_); }
    const std::string& last_error() const { return last_error_; }

  private:
    struct Silent {};  // the client has not sent a packet yet
    struct Attaching {
        bool reply_with_stop = false;  // vAttach's answer; else the client asks with `?`
    };
    struct Running {};
    struct InNonStop {};  // some threads run, and some do not
    struct Detached {};
    // In extended mode: nothing runs until the client restarts the target.
    struct Gone {
        StopReason how;
        bool killed = false;  // held, and it ends when the client leaves
    };
    struct Closed {};
    using State = std::variant<Silent, Attaching, Stopped, Running, InNonStop, Detached, Gone, Closed>;
    using Handled = Result<void>;

    // ---- session_core.cpp: the state machine
    bool meet();
    void attach(bool reply_with_stop);
    void take_target();
    void take(const frame::Packet& frame);
    void take(frame::Interrupt);
    void take(frame::Hangup);
    void take(frame::Ack) {}
    void take(frame::Nak);
    void take(frame::BadChecksum);
    void take(frame::Oversized);
    void take(frame::Malformed);
    void acknowledge();
    bool is_new_client(std::string_view payload) const;
    void forget_client();
    void lose_client();
    void greet_new_client();
    void dispatch(std::string_view payload);
    template <typename Packet>
    Handled handle_in_state(const Packet& packet);
    bool acts_while_running(const Command& command) const;
    void hold_back(std::string_view payload);
    void dispatch_held();
    void enter_stopped(std::optional<ThreadId> thread);
    void release();  // the target is no longer this client's

    // ---- replies
    Handled ok();
    Handled empty();
    // `in_words`: gdb 13 accepts "E.words" for this packet without having announced error-message.
    void write_error(const TargetError& error, std::string_view packet = {}, bool in_words = false);

    // ---- threads
    bool has_thread(ThreadId thread) const;
    // The thread that a packet refers to: the suffix's, or the one that Hg chose.
    Result<ThreadId> resolve(const ThreadSuffix& suffix) const;
    Result<ThreadId> resolve(const ThreadSelector& selector) const;
    struct KnownThread {
        ThreadId id;
        std::uint32_t core = 0;
        bool runs = false;  // in non-stop mode, as far as the client knows
    };
    KnownThread* find_thread(ThreadId thread);
    const KnownThread* find_thread(ThreadId thread) const;
    std::uint32_t core_of(ThreadId thread) const;
    std::string threads_document(Stopped stopped) const;

    // ---- session_run_control.cpp
    Handled handle(const packet::QuestionMark&, Stopped stopped);
    Handled handle(const packet::vCont& packet, Stopped stopped);
    Handled handle(const packet::vCont_query&);
    Handled handle(const packet::vCtrlC&);
    Handled handle(const packet::c& packet, Stopped stopped);
    Handled handle(const packet::C& packet, Stopped stopped);
    Handled handle(const packet::s& packet, Stopped stopped);
    Handled handle(const packet::S& packet, Stopped stopped);
    Handled handle(const packet::bs&, Stopped stopped) { return go_back(stopped, true); }
    Handled handle(const packet::bc&, Stopped stopped) { return go_back(stopped, false); }
    Handled go_back(Stopped stopped, bool one_step);
    Handled resume(Stopped stopped);  // what resume_list_ says
    template <typename Start>
    Handled set_running(Stopped stopped, Start&& start);
    void deliver();  // what must reach the client before the target runs
    Handled resume_legacy(Stopped stopped, const std::optional<Address>& address, const ResumeAction& action);

    // ---- session_non_stop.cpp
    Handled handle(const packet::QNonStop& packet);
    Handled handle(const packet::vStopped&);
    Result<void> begin_non_stop();
    Result<void> end_non_stop();
    void take_up_non_stop(bool tell);
    void on_thread_stop(const StopEvent& event);
    void notify();
    void answer_with(const StopEvent* stop, Stopped stopped);
    void interrupt_a_thread();
    Handled only_in_all_stop();
    // Like resolve(), but an error for a thread that runs.
    Result<ThreadId> resolve_stopped(const ThreadSuffix& suffix) const;
    // Packets with another meaning in non-stop mode.
    template <typename Packet>
    Handled handle_in_non_stop(const Packet& packet, Stopped stopped) {
        return handle(packet, stopped);
    }
    Handled handle_in_non_stop(const packet::QuestionMark&, Stopped stopped);
    Handled handle_in_non_stop(const packet::vCont& packet, Stopped stopped);
    Handled handle_in_non_stop(const packet::c&, Stopped) { return only_in_all_stop(); }
    Handled handle_in_non_stop(const packet::C&, Stopped) { return only_in_all_stop(); }
    Handled handle_in_non_stop(const packet::s&, Stopped) { return only_in_all_stop(); }
    Handled handle_in_non_stop(const packet::S&, Stopped) { return only_in_all_stop(); }
    Handled handle_in_non_stop(const packet::bs&, Stopped stopped) { return stay(stopped, "bs"); }
    Handled handle_in_non_stop(const packet::bc&, Stopped stopped) { return stay(stopped, "bc"); }
    Handled stay(Stopped stopped, std::string_view packet);

    // ---- session_life_cycle.cpp
    Handled handle(const packet::ExtendedMode&);
    Handled handle(const packet::D&);
    Handled handle(const packet::k&);
    Handled handle(const packet::vKill&);
    Handled handle(const packet::vAttach&);
    Handled handle(const packet::vRun& packet);
    Handled handle(const packet::R&);
    void kill_target();
    void hold_killed();
    // Packets that need a stopped target, after its end.
    template <typename Packet>
    Handled handle_gone(const Packet&) {
        return failure(TargetError::Code::Invalid, "the target has ended: `run` restarts it");
    }
    Handled handle_gone(const packet::QuestionMark&);
    Handled handle_gone(const packet::H&) { return ok(); }
    Handled handle_gone(const packet::qfThreadInfo&);
    Handled handle_gone(const packet::qXfer& packet);
    Handled handle_gone(const packet::qRcmd& packet) { return handle(packet, target_.stopped()); }
    Handled restart(const Restart::Wanted& wanted, bool reply_with_stop);

    // ---- session_stop_reply.cpp
    // Yes: it contains the registers that every client needs.
    enum class Expedited : std::uint8_t { No, Yes };
    void write_stop_reply(const StopEvent& event, Stopped stopped, Expedited expedited = Expedited::Yes);
    void write_stop(ReplyWriter::Frame& frame, const StopEvent& event, Stopped stopped,
                    Expedited expedited = Expedited::Yes);
    void write_stop_thread(ReplyWriter::Frame& frame, const StopEvent& event, Stopped stopped);
    void write_thread_list(ReplyWriter::Frame& frame, Stopped stopped);
    void write_all_reasons(ReplyWriter::Frame& frame, const StopEvent& event);
    std::vector<StopEvent>& stops_besides(const StopEvent& event);
    void write_expedited(ReplyWriter::Frame& frame, ThreadId thread, Stopped stopped);
    void write_console(std::string_view text);
    void keep_console(std::string_view text);

    // ---- session_registers.cpp
    Handled handle(const packet::g& packet, Stopped stopped);
    Handled handle(const packet::G& packet, Stopped stopped);
    Handled handle(const packet::p& packet, Stopped stopped);
    Handled handle(const packet::P& packet, Stopped stopped);
    Handled handle(const packet::QSaveRegisterState& packet, Stopped stopped);
    Handled handle(const packet::QRestoreRegisterState& packet, Stopped stopped);

    // ---- session_memory.cpp
    Handled handle(const packet::m& packet, Stopped stopped);
    Handled handle(const packet::M& packet, Stopped stopped);
    Handled handle(const packet::x& packet, Stopped stopped);
    Handled handle(const packet::X& packet, Stopped stopped);
    Handled handle(const packet::MultiMemRead& packet, Stopped stopped);
    Handled handle(const packet::qSearch_memory& packet, Stopped stopped);
    Handled handle(const packet::qCRC& packet, Stopped stopped);
    Result<std::span<const std::byte>> read_memory(Stopped stopped, Address address, std::uint64_t length,
                                                   std::size_t limit);
    // The same in one of LLDB's address spaces.
    Result<std::span<const std::byte>> read_space(Stopped stopped, std::uint64_t space, Address address,
                                                  std::uint64_t length, std::size_t limit);
    Result<std::span<const std::byte>> read_chunk(Stopped stopped, Address address, std::uint64_t length);

    // ---- session_breakpoints.cpp
    Handled handle(const packet::Z& packet, Stopped stopped);
    Handled handle(const packet::z& packet, Stopped stopped);
    Handled handle(const packet::jMultiBreakpoint& packet, Stopped stopped);
    // Both return false for a kind that the target does not support.
    Result<bool> set(const packet::Z& packet, Stopped stopped);
    Result<bool> remove(const packet::z& packet, Stopped stopped);
    std::string set_or_remove(const std::string& request, Stopped stopped);

    // ---- session_tracepoints.h
    template <typename Packet>
    requires requires(SessionTraces& traces, const Packet& packet, Tracepoints& target) {
        traces.answer(packet, target, ThreadId{});
    }
    Handled handle(const Packet& packet, Stopped) {
        Tracepoints* const target = target_.tracepoints();
        return target != nullptr
                   ? traces_.answer(packet, *target, resolve(ThreadSelector{}).value_or(ThreadId{}))
                   : empty();
    }

    // ---- session_threads.cpp
    Handled handle(const packet::H& packet, Stopped stopped);
    Handled handle(const packet::T& packet, Stopped stopped);
    Handled handle(const packet::qC&, Stopped stopped);
    Handled handle(const packet::qfThreadInfo&, Stopped stopped);
    Handled handle(const packet::qsThreadInfo&);
    Handled handle(const packet::qThreadExtraInfo& packet, Stopped stopped);

    // ---- session_queries.cpp
    Handled handle(const packet::Unknown&) { return empty(); }
    Handled handle(const packet::Malformed&) { return malformed(); }
    Handled handle(const packet::QStartNoAckMode&);
    Handled handle(const packet::qSupported& packet);
    Handled handle(const packet::qXfer& packet, Stopped stopped);
    Handled handle(const packet::qRcmd& packet, Stopped stopped);
    Handled handle(const packet::qAttached&);
    Handled handle(const packet::qSymbol&) { return ok(); }  // we need no symbols
    Handled handle(const packet::qOffsets&);
    Handled handle(const packet::vMustReplyEmpty&) { return empty(); }
    Handled handle(const packet::QThreadEvents&) { return ok(); }  // threads neither come nor go
    Handled handle(const packet::qqemu_sstepbits&);
    Handled handle(const packet::qqemu_sstep&);
    Handled handle(const packet::Qqemu_sstep& packet, Stopped stopped);
    Handled handle(const packet::qqemu_PhyMemMode&, Stopped stopped);
    Handled handle(const packet::Qqemu_PhyMemMode& packet, Stopped stopped);
    bool serves(std::string_view object) const;
    std::optional<std::string> make_document(const packet::qXfer& packet, Stopped stopped) const;

    // ---- session_lldb.cpp
    Handled handle(const packet::QThreadSuffixSupported&) { return ok(); }  // suffixes are always understood
    Handled handle(const packet::QListThreadsInStopReply&);
    Handled handle(const packet::QEnableErrorStrings&);
    Handled handle(const packet::qHostInfo&);
    Handled handle(const packet::qProcessInfo&);
    Handled handle(const packet::qRegisterInfo& packet);
    Handled handle(const packet::qMemoryRegionInfo& packet, Stopped stopped);
    Handled handle(const packet::qWatchpointSupportInfo&);
    Handled handle(const packet::jThreadsInfo&, Stopped stopped);
    Handled handle(const packet::jAddressSpacesInfo&);

    struct CachedDocument {
        std::string object, annex, text;
    };

    TargetGate target_;
    SessionHooks hooks_;
    State state_ = Silent{};
    Framer framer_;
    OutputBuffer output_;
    ReplyWriter reply_;
    SessionTraces traces_{reply_};
    bool line_outlives_client_;
    Client client_;
    bool acknowledging_ = true;         // until QStartNoAckMode
    bool extended_ = false;             // since `!`
    bool non_stop_ = false;             // since QNonStop:1
    bool interrupt_queued_ = false;     // 0x03 that came while stopped: it meets the next resume
    bool owns_target_ = false;          // attached, and neither detached nor killed since
    std::optional<ThreadId> general_;   // Hg, or the last stop's thread
    std::optional<ThreadId> continue_;  // Hc; none: every thread
    std::vector<KnownThread> threads_;
    StopQueue stops_;               // in non-stop mode
    std::deque<std::string> held_;  // packets that wait for the stop
    std::size_t held_bytes_ = 0;
    std::string console_;              // text for the user that arrived while the target was stopped
    std::vector<StopEvent> together_;  // other threads' stops that were reported with this one
    std::string last_error_;
    std::optional<CachedDocument> document_;  // the one that qXfer reads in chunks
    // Storage that is reused for each packet
    std::vector<std::byte> bytes_;
    std::vector<std::pair<std::size_t, std::size_t>> unavailable_;
    std::vector<ThreadResume> resume_list_;
    std::vector<std::uint64_t> pcs_;
};

}  // namespace ringside::gdbstub
