// Stop replies: `T05thread:p1.2;core:1;hwbreak:;06:...;`, `W00;process:1`, `X09;process:1`.
#include <algorithm>

#include "gdbstub/overloaded.h"
#include "gdbstub/session/lldb_json.h"
#include "gdbstub/session/session_core.h"

namespace ringside::gdbstub {
namespace {

std::string_view watch_key(WatchKind kind) {
    switch (kind) {
        case WatchKind::Write:
            return "watch:";
        case WatchKind::Read:
            return "rwatch:";
        case WatchKind::Access:
            return "awatch:";
    }
    return "watch:";
}

void write_reason(ReplyWriter::Frame& frame, const StopReason& reason, const Client& client) {
    std::visit(Overloaded{[&](const StoppedBySoftwareBreakpoint&) {
                              if (client.swbreak)
                                  frame.text("swbreak:;");
                          },
                          [&](const StoppedByHardwareBreakpoint&) {
                              if (client.hwbreak)
                                  frame.text("hwbreak:;");
                          },
                          [&](const StoppedByWatchpoint& r) {
                              frame.text(watch_key(r.kind)).hex_number(r.address).text(";");
                          },
                          [&](const ReplayLogEnd& r) {
                              frame.text(r.at_begin ? "replaylog:begin;" : "replaylog:end;");
                          },
                          [](const OneOf<StoppedBySignal, StoppedByInterrupt, Exited, Terminated> auto&) {}},
               reason);
}

std::uint64_t little_endian_value(std::span<const std::byte> bytes) {
    std::uint64_t value = 0;
    for (std::size_t i = std::min<std::size_t>(bytes.size(), 8); i-- > 0;)
        value = (value << 8) | std::to_integer<std::uint64_t>(bytes[i]);
    return value;
}

}  // namespace

void SessionCore::write_stop_reply(const StopEvent& event, Stopped stopped, Expedited expedited) {
    auto frame = reply_.frame();
    write_stop(frame, event, stopped, expedited);
}

void SessionCore::write_stop(ReplyWriter::Frame& frame, const StopEvent& event, Stopped stopped,
                             Expedited expedited) {
    const auto* exited = std::get_if<Exited>(&event.reason);
    const auto* terminated = std::get_if<Terminated>(&event.reason);
    if (exited)
        frame.text("W").hex_byte(exited->status);
    else if (terminated)
        frame.text("X").hex_byte(static_cast<std::uint8_t>(terminated->signal));
    else
        write_stop_thread(frame, event, stopped);
    const bool gone = exited != nullptr || terminated != nullptr;
    if (gone && client_.multiprocess)
        frame.text(";process:").hex_number(kProcessId);
    if (!gone && expedited == Expedited::Yes)
        write_expedited(frame, event.thread, stopped);
}

void SessionCore::write_stop_thread(ReplyWriter::Frame& frame, const StopEvent& event, Stopped stopped) {
    frame.text("T").hex_byte(static_cast<std::uint8_t>(stop_signal(event.reason))).text("thread:");
    write_thread(frame, event.thread, client_.multiprocess);
    frame.text(";core:").hex_number(core_of(event.thread)).text(";");
    write_reason(frame, event.reason, client_);
    if (client_.list_threads_in_stop_reply) {
        write_thread_list(frame, stopped);
        write_all_reasons(frame, event);
        frame.text("reason:").text(lldb_reason(event.reason)).text(";");
        // LLDB makes the description of a watchpoint's stop itself, from the address, and would read words
        // as that address. The user has already seen the words on the console.
        if (!event.console.empty() && !std::holds_alternative<StoppedByWatchpoint>(event.reason))
            frame.text("description:").hex(event.console).text(";");
    }
}

// LLDB's `threads:1,2;thread-pcs:a,b;`, which save it a query for each thread.
void SessionCore::write_thread_list(ReplyWriter::Frame& frame, Stopped stopped) {
    if (threads_.empty())
        return;
    pcs_.clear();
    std::string_view separator = "threads:";
    for (const KnownThread& known : threads_) {
        frame.text(separator).hex_number(known.id.value);
        separator = ",";
        const auto pc = stopped.registers().read(known.id, stopped.registers().pc());
        if (pc && !pc->empty())
            pcs_.push_back(little_endian_value(*pc));
    }
    frame.text(";");
    if (pcs_.size() != threads_.size())
        return;  // the list cannot say that one is not known
    separator = "thread-pcs:";
    for (const std::uint64_t pc : pcs_) {
        frame.text(separator).hex_number(pc);
        separator = ",";
    }
    frame.text(";");
}

// LLDB's `jstopinfo:`, the reason of every thread that has one. Without it LLDB sees one thread's reason, and steps
// the others over the breakpoints that they have hit.
void SessionCore::write_all_reasons(ReplyWriter::Frame& frame, const StopEvent& event) {
    if (threads_.size() < 2)
        return;
    nlohmann::json reasons = nlohmann::json::array({lldb_thread_stop(event)});
    for (const StopEvent& other : stops_besides(event))
        reasons.push_back(lldb_thread_stop(other));
    frame.text("jstopinfo:").hex(dump_json(reasons)).text(";");
}

// The other stops that the target had to report, which this client has now received.
std::vector<StopEvent>& SessionCore::stops_besides(const StopEvent& event) {
    for (StopEvent& other : target_.execution().simultaneous())
        if (other.thread != event.thread)
            together_.push_back(std::move(other));
    target_.execution().reported_together();
    return together_;
}

// A register that cannot be read now is omitted: the client asks for it when it needs it, and gets the
// words.
void SessionCore::write_expedited(ReplyWriter::Frame& frame, ThreadId thread, Stopped stopped) {
    for (const std::uint32_t regno : stopped.registers().expedited()) {
        const auto value = stopped.registers().read(thread, regno);
        if (!value || value->empty())
            continue;
        if (regno < 0x100)
            frame.hex_byte(static_cast<std::uint8_t>(regno));
        else
            frame.hex_number(regno);
        frame.text(":").hex(*value).text(";");
    }
}

// O packets: text for the user's console. Split, because a reply has the length limit of a packet.
void SessionCore::write_console(std::string_view text) {
    constexpr std::size_t kPiece = kMaxPayload / 4;
    for (; !text.empty(); text.remove_prefix(std::min(kPiece, text.size())))
        reply_.frame().text("O").hex(text.substr(0, kPiece));
}

// A client accepts console text while it waits for a stop, but not before it has resumed the target. In non-stop mode
// it never waits for one, and gets the text with the answer to a command.
void SessionCore::on_console(std::string_view text) {
    if (running())
        write_console(text);
    else if (owns_target_)
        keep_console(text);
}

void SessionCore::keep_console(std::string_view text) {
    constexpr std::size_t kMaxWaiting = std::size_t{64} << 10;
    console_.append(text.substr(0, kMaxWaiting - std::min(kMaxWaiting, console_.size())));
}

}  // namespace ringside::gdbstub
