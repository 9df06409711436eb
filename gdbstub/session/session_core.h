// The session's state machine and one handler for each packet, named by the packet's type.
//
// A handler that takes a Stopped runs only while the target is stopped; each writes exactly one reply, except
// those that resume the target, whose reply is the stop.
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
#include "gdbstub/session/stop_words.h"
#include "gdbstub/session/stopped.h"
#include "gdbstub/target.h"

namespace ringside::gdbstub {

class SessionCore {
  public:
    SessionCore(Target& target, SessionOptions options);
    ~SessionCore() { disconnected(); }
    SessionCore(const SessionCore&) = delete;
    SessionCore& operator=(const SessionCore&) = delete;

    std::size_t receive(std::span<const std::byte> bytes);
    void on_stop(const StopEvent& event);
    void disconnected();

    OutputBuffer& output() { return output_; }
    bool wants_close() const { return std::holds_alternative<Closed>(state_); }
    bool running() const { return std::holds_alternative<Running>(state_); }
    const std::string& last_error() const { return last_error_; }

  private:
    struct Attaching {
        bool reply_with_stop = false;  // vAttach's answer; else the client asks with `?`
    };
    struct Running {};
    struct Detached {};
    struct Closed {};
    using State = std::variant<Attaching, Stopped, Running, Detached, Closed>;

    // ---- session_core.cpp: the state machine
    void attach(bool reply_with_stop);
    void take(const frame::Packet& frame);
    void take(frame::Interrupt);
    void take(frame::Ack) {}
    void take(frame::Nak);
    void take(frame::BadChecksum);
    void take(frame::Oversized);
    void take(frame::Malformed);
    void acknowledge();
    bool is_new_client(std::string_view payload) const;
    void greet_new_client();
    void dispatch(std::string_view payload);
    bool acts_while_running(const Command& command) const;
    void hold_back(std::string_view payload);
    void dispatch_held();
    void enter_stopped(std::optional<ThreadId> thread);
    void release();  // the target is no longer this client's

    // ---- replies
    enum class Words { IfNegotiated, Accepted };  // Accepted: gdb 13 takes "E.words" for this packet
    void ok();
    void empty();
    void error(const TargetError& error, Words words = Words::IfNegotiated);
    void malformed();
    template <typename T>
    void ok_or_error(const Result<T>& result, Words words = Words::IfNegotiated) {
        result ? ok() : error(result.error(), words);
    }

    // ---- threads
    bool has_thread(ThreadId thread) const;
    // The thread that a packet is about: the suffix's, or the one that Hg chose.
    Result<ThreadId> resolve(const ThreadSuffix& suffix) const;
    Result<ThreadId> resolve(const ThreadSelector& selector) const;
    std::uint32_t core_of(ThreadId thread) const;
    std::string threads_document(Stopped stopped) const;

    // ---- session_run_control.cpp
    void handle(const packet::QuestionMark&, Stopped stopped);
    void handle(const packet::vCont& packet, Stopped stopped);
    void handle(const packet::vCont_query&);
    void handle(const packet::vCtrlC&);
    void handle(const packet::c& packet, Stopped stopped);
    void handle(const packet::C& packet, Stopped stopped);
    void handle(const packet::s& packet, Stopped stopped);
    void handle(const packet::S& packet, Stopped stopped);
    void handle(const packet::D&);
    void handle(const packet::k&);
    void handle(const packet::vKill&);
    void handle(const packet::vAttach&);
    void handle(const packet::QNonStop& packet);
    void kill_target();
    void resume(Stopped stopped);  // what resume_list_ says
    void deliver();                // what the client is to have before the target runs
    void resume_legacy(Stopped stopped, const std::optional<Address>& address, const ResumeAction& action);

    // ---- session_stop_reply.cpp
    void write_stop_reply(const StopEvent& event, Stopped stopped);
    void write_stop_thread(ReplyWriter::Frame& frame, const StopEvent& event, Stopped stopped);
    void write_thread_list(ReplyWriter::Frame& frame, Stopped stopped);
    void write_expedited(ReplyWriter::Frame& frame, ThreadId thread, Stopped stopped);
    void write_console(std::string_view text);

    // ---- session_registers.cpp
    void handle(const packet::g& packet, Stopped stopped);
    void handle(const packet::G& packet, Stopped stopped);
    void handle(const packet::p& packet, Stopped stopped);
    void handle(const packet::P& packet, Stopped stopped);
    void handle(const packet::QSaveRegisterState& packet, Stopped stopped);
    void handle(const packet::QRestoreRegisterState& packet, Stopped stopped);

    // ---- session_memory.cpp
    void handle(const packet::m& packet, Stopped stopped);
    void handle(const packet::M& packet, Stopped stopped);
    void handle(const packet::x& packet, Stopped stopped);
    void handle(const packet::X& packet, Stopped stopped);
    void handle(const packet::qSearch_memory& packet, Stopped stopped);
    void handle(const packet::qCRC& packet, Stopped stopped);
    Result<std::span<const std::byte>> read_memory(Stopped stopped, Address address, std::uint64_t length,
                                                   std::size_t limit);

    // ---- session_breakpoints.cpp
    void handle(const packet::Z& packet, Stopped stopped);
    void handle(const packet::z& packet, Stopped stopped);

    // ---- session_threads.cpp
    void handle(const packet::H& packet, Stopped stopped);
    void handle(const packet::T& packet, Stopped stopped);
    void handle(const packet::qC&, Stopped stopped);
    void handle(const packet::qfThreadInfo&, Stopped stopped);
    void handle(const packet::qsThreadInfo&);
    void handle(const packet::qThreadExtraInfo& packet, Stopped stopped);

    // ---- session_queries.cpp
    void handle(const packet::Unknown&) { empty(); }
    void handle(const packet::Malformed&) { malformed(); }
    void handle(const packet::ExtendedMode&) { ok(); }
    void handle(const packet::QStartNoAckMode&);
    void handle(const packet::qSupported& packet);
    void handle(const packet::qXfer& packet, Stopped stopped);
    void handle(const packet::qRcmd& packet, Stopped stopped);
    void handle(const packet::qAttached&);
    void handle(const packet::qSymbol&) { ok(); }  // we need no symbols
    void handle(const packet::qOffsets&);
    void handle(const packet::vMustReplyEmpty&) { empty(); }
    void handle(const packet::QThreadEvents&) { ok(); }  // threads neither come nor go
    void handle(const packet::qqemu_sstepbits&);
    void handle(const packet::qqemu_sstep&);
    void handle(const packet::Qqemu_sstep& packet);
    void handle(const packet::qqemu_PhyMemMode&, Stopped stopped);
    void handle(const packet::Qqemu_PhyMemMode& packet, Stopped stopped);
    bool serves(std::string_view object) const;
    std::optional<std::string> make_document(const packet::qXfer& packet, Stopped stopped) const;

    // ---- session_lldb.cpp
    void handle(const packet::QThreadSuffixSupported&) { ok(); }  // suffixes are always understood
    void handle(const packet::QListThreadsInStopReply&);
    void handle(const packet::QEnableErrorStrings&);
    void handle(const packet::qHostInfo&);
    void handle(const packet::qProcessInfo&);
    void handle(const packet::qRegisterInfo& packet);
    void handle(const packet::qMemoryRegionInfo& packet, Stopped stopped);
    void handle(const packet::qWatchpointSupportInfo&);
    void handle(const packet::jThreadsInfo&, Stopped stopped);

    struct KnownThread {
        ThreadId id;
        std::uint32_t core = 0;
    };
    struct CachedDocument {
        std::string object, annex, text;
    };

    TargetGate target_;
    State state_ = Detached{};
    Framer framer_;
    OutputBuffer output_;
    ReplyWriter reply_;
    bool line_outlives_client_;
    std::function<void()> deliver_;
    Client client_;
    bool acknowledging_ = true;         // until QStartNoAckMode
    bool interrupt_queued_ = false;     // 0x03 that came while stopped: it meets the next resume
    bool owns_target_ = false;          // attached, and neither detached nor killed since
    std::optional<ThreadId> general_;   // Hg, or the last stop's thread
    std::optional<ThreadId> continue_;  // Hc; none: every thread
    std::vector<KnownThread> threads_;
    std::deque<std::string> held_;  // packets that wait for the stop
    std::size_t held_bytes_ = 0;
    std::string last_error_;
    std::optional<CachedDocument> document_;  // the one that qXfer reads in chunks
    // Storage that is used again for each packet
    std::vector<std::byte> bytes_;
    std::vector<std::pair<std::size_t, std::size_t>> unavailable_;
    std::vector<ThreadResume> resume_list_;
    std::vector<std::uint64_t> pcs_;
};

}  // namespace ringside::gdbstub
