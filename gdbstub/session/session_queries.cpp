// qSupported, qXfer, qRcmd, and the small queries at the start of a session.
#include <algorithm>
#include <utility>

#include "gdbstub/hex.h"
#include "gdbstub/session/session_core.h"

namespace ringside::gdbstub {
namespace {

constexpr std::uint64_t kStepEnable = 1, kStepNoIrq = 2;

}  // namespace

SessionCore::Handled SessionCore::handle(const packet::QStartNoAckMode&) {
    auto done = ok();
    acknowledging_ = false;
    reply_.keep_frames(false);
    return done;
}

SessionCore::Handled SessionCore::handle(const packet::qSupported& packet) {
    client_ = client_from_features(packet.features);
    auto frame = reply_.frame();
    frame.text("PacketSize=").hex_number(kMaxPayload);
    frame.text(
        ";QStartNoAckMode+;vContSupported+;qXfer:threads:read+;binary-upload+;MultiMemRead+;address-spaces+");
    if (target_.documents() != nullptr)
        for (const std::string& object : target_.documents()->objects())
            frame.text(";qXfer:").text(object).text(":read+");
    if (const Breakpoints* breakpoints = target_.breakpoints()) {
        frame.text(";jMultiBreakpoint+");
        if (client_.swbreak && breakpoints->supports(BreakpointKind::Software))
            frame.text(";swbreak+");
        if (client_.hwbreak && breakpoints->supports(BreakpointKind::Hardware))
            frame.text(";hwbreak+");
        if (breakpoints->evaluates_conditions())
            frame.text(";ConditionalBreakpoints+");
        if (breakpoints->runs_commands())
            frame.text(";BreakpointCommands+");
    }
    if (target_.non_stop() != nullptr)
        frame.text(";QNonStop+");
    if (target_.tracepoints() != nullptr)
        frame.text(";ConditionalTracepoints+;TraceStateVariables+;TracepointSource+;QTBuffer:size+")
            .text(";EnableDisableTracepoints+;InstallInTrace+;DisconnectedTracing+;tracenz+")
            .text(";qXfer:traceframe-info:read+");
    if (target_.reverse() != nullptr)
        frame.text(";ReverseStep+;ReverseContinue+");
    if (client_.multiprocess)
        frame.text(";multiprocess+");
    if (client_.error_message)
        frame.text(";error-message+");
    return {};
}

bool SessionCore::serves(std::string_view object) const {
    if (object == "threads")
        return true;
    if (object == "traceframe-info")
        return target_.tracepoints() != nullptr;
    if (target_.documents() == nullptr)
        return false;
    const std::vector<std::string> objects = target_.documents()->objects();
    return std::find(objects.begin(), objects.end(), object) != objects.end();
}

std::optional<std::string> SessionCore::make_document(const packet::qXfer& packet, Stopped stopped) const {
    if (packet.object == "traceframe-info")
        return traces_.frame_info(*target_.tracepoints());
    if (packet.object != "threads")
        return stopped.documents()->document(packet.object, packet.annex);
    return packet.annex.empty() ? std::optional(threads_document(stopped)) : std::nullopt;
}

// The document is made when its first chunk is requested, and kept, so that all chunks are of the same text.
SessionCore::Handled SessionCore::handle(const packet::qXfer& packet, Stopped stopped) {
    if (!packet.read || !serves(packet.object))
        return empty();
    const bool cached = document_ && document_->object == packet.object && document_->annex == packet.annex;
    if (packet.offset == 0 || !cached) {
        auto text = make_document(packet, stopped);
        if (!text) {
            // E00 is the protocol's code for "annex not known".
            last_error_ = "no such document";
            reply_.frame().text("E00");
            return {};
        }
        document_ = CachedDocument{std::string(packet.object), std::string(packet.annex), std::move(*text)};
    }
    const std::string_view text = document_->text;
    if (packet.offset > text.size())
        return failure(TargetError::Code::Invalid, "offset past the end of the document");
    const auto offset = static_cast<std::size_t>(packet.offset);
    const auto limit = static_cast<std::size_t>(std::min<std::uint64_t>(packet.length, kMaxPayload / 2));
    const std::string_view chunk = text.substr(offset, limit);
    reply_.frame().text(chunk.size() == text.size() - offset ? "l" : "m").binary(chunk);
    return {};
}

SessionCore::Handled SessionCore::handle(const packet::qRcmd& packet, Stopped stopped) {
    bytes_.clear();
    if (stopped.monitor() == nullptr)
        return empty();
    if (!decode_hex(packet.hex, bytes_))
        return malformed();
    const std::string_view line(reinterpret_cast<const char*>(bytes_.data()), bytes_.size());
    const ThreadId thread = resolve(ThreadSelector{}).value_or(ThreadId{});
    const MonitorAnswer answer = stopped.monitor()->run(thread, line);
    if (std::holds_alternative<InNonStop>(state_))
        write_console(std::exchange(console_, {}));
    write_console(answer.text);
    return ok();
}

// 1: the machine existed before the client. So gdb detaches when it quits, and does not kill.
SessionCore::Handled SessionCore::handle(const packet::qAttached&) {
    reply_.frame().text("1");
    return {};
}

// gdb keeps the distance of all segments from the first. (Text=;Data=;Bss= would move only the sections of these
// names.) LLDB uses one offset for all, and reads the address of a segment as an offset, too. Each asks
// once, when it connects.
SessionCore::Handled SessionCore::handle(const packet::qOffsets&) {
    if (const auto offset = target_.load_offset(); offset && client_.is_lldb()) {
        auto frame = reply_.frame();
        for (const std::string_view part : {"Text=", ";Data=", ";Bss="})
            frame.text(part).hex_number(*offset);
        return {};
    }
    const auto address = target_.first_segment();
    if (!address || client_.is_lldb())
        return empty();
    reply_.frame().text("TextSeg=").hex_number(*address);
    return {};
}

// QEMU's bits, if the target supports them: ENABLE is always on, and NOIRQ blocks interrupts during a
// step. NOTIMER, which stops the guest's clock, is not supported.
SessionCore::Handled SessionCore::handle(const packet::qqemu_sstepbits&) {
    reply_.frame().text(target_.stepping() != nullptr ? "ENABLE=1,NOIRQ=2" : "ENABLE=1");
    return {};
}

SessionCore::Handled SessionCore::handle(const packet::qqemu_sstep&) {
    const bool no_irq = target_.stepping() != nullptr && target_.stepping()->blocks_interrupts();
    reply_.frame().text("0x").hex_number(kStepEnable | (no_irq ? kStepNoIrq : 0));
    return {};
}

SessionCore::Handled SessionCore::handle(const packet::Qqemu_sstep& packet, Stopped stopped) {
    const std::uint64_t known = kStepEnable | (stopped.stepping() != nullptr ? kStepNoIrq : 0);
    if ((packet.flags & kStepEnable) == 0)
        return failure(TargetError::Code::Unsupported, "steps cannot be switched off: set bit 0 (ENABLE)");
    if ((packet.flags & ~known) != 0)
        return failure(TargetError::Code::Unsupported,
                       "steps cannot do what these bits ask for: qqemu.sstepbits lists those that they can");
    if (stopped.stepping() != nullptr)
        STUB_TRY(stopped.stepping()->block_interrupts((packet.flags & kStepNoIrq) != 0));
    return ok();
}

SessionCore::Handled SessionCore::handle(const packet::qqemu_PhyMemMode&, Stopped stopped) {
    reply_.frame().text(stopped.memory().physical_mode() ? "1" : "0");
    return {};
}

SessionCore::Handled SessionCore::handle(const packet::Qqemu_PhyMemMode& packet, Stopped stopped) {
    stopped.memory().set_physical_mode(packet.on);
    return ok();
}

}  // namespace ringside::gdbstub
