// qSupported, qXfer, qRcmd, and the small questions of a conversation's start.
#include <algorithm>

#include "gdbstub/hex.h"
#include "gdbstub/session/session_core.h"

namespace ringside::gdbstub {

void SessionCore::handle(const packet::QStartNoAckMode&) {
    ok();
    acknowledging_ = false;
    reply_.keep_frames(false);
}

void SessionCore::handle(const packet::qSupported& packet) {
    client_ = client_from_features(packet.features);
    auto frame = reply_.frame();
    frame.text("PacketSize=").hex_number(kMaxPayload);
    frame.text(";QStartNoAckMode+;vContSupported+;qXfer:threads:read+;binary-upload+");
    if (target_.documents() != nullptr)
        for (const std::string& object : target_.documents()->objects())
            frame.text(";qXfer:").text(object).text(":read+");
    if (const Breakpoints* breakpoints = target_.breakpoints()) {
        if (client_.swbreak && breakpoints->supports(BreakpointKind::Software))
            frame.text(";swbreak+");
        if (client_.hwbreak && breakpoints->supports(BreakpointKind::Hardware))
            frame.text(";hwbreak+");
        if (breakpoints->evaluates_conditions())
            frame.text(";ConditionalBreakpoints+;BreakpointCommands+");
    }
    if (client_.multiprocess)
        frame.text(";multiprocess+");
    if (client_.error_message)
        frame.text(";error-message+");
}

bool SessionCore::serves(std::string_view object) const {
    if (object == "threads")
        return true;
    if (target_.documents() == nullptr)
        return false;
    const std::vector<std::string> objects = target_.documents()->objects();
    return std::find(objects.begin(), objects.end(), object) != objects.end();
}

std::optional<std::string> SessionCore::make_document(const packet::qXfer& packet, Stopped stopped) const {
    if (packet.object != "threads")
        return stopped.documents()->document(packet.object, packet.annex);
    return packet.annex.empty() ? std::optional(threads_document(stopped)) : std::nullopt;
}

// The document is made when its start is asked for, and kept, so that the chunks are all of one text.
void SessionCore::handle(const packet::qXfer& packet, Stopped stopped) {
    if (!serves(packet.object)) {
        empty();
        return;
    }
    const bool cached = document_ && document_->object == packet.object && document_->annex == packet.annex;
    if (packet.offset == 0 || !cached) {
        auto text = make_document(packet, stopped);
        if (!text) {
            // E00 is the protocol's own word for "annex not known".
            last_error_ = "no such document";
            reply_.frame().text("E00");
            return;
        }
        document_ = CachedDocument{std::string(packet.object), std::string(packet.annex), std::move(*text)};
    }
    const std::string_view text = document_->text;
    if (packet.offset > text.size()) {
        error({TargetError::Code::Invalid, "offset past the end of the document"});
        return;
    }
    const auto offset = static_cast<std::size_t>(packet.offset);
    const auto limit = static_cast<std::size_t>(std::min<std::uint64_t>(packet.length, kMaxPayload / 2));
    const std::string_view chunk = text.substr(offset, limit);
    reply_.frame().text(chunk.size() == text.size() - offset ? "l" : "m").binary(chunk);
}

void SessionCore::handle(const packet::qRcmd& packet, Stopped stopped) {
    bytes_.clear();
    if (stopped.monitor() == nullptr) {
        empty();
        return;
    }
    if (!decode_hex(packet.hex, bytes_)) {
        malformed();
        return;
    }
    const std::string_view line(reinterpret_cast<const char*>(bytes_.data()), bytes_.size());
    const ThreadId thread = resolve(ThreadSelector{}).value_or(ThreadId{});
    write_console(stopped.monitor()->run(thread, line));
    ok();
}

// 1: the machine was there before the client. So gdb detaches when it quits, and does not kill.
void SessionCore::handle(const packet::qAttached&) {
    reply_.frame().text("1");
}

// By its first segment, from which gdb keeps all others at their distance. (Text=;Data=;Bss= would move the
// sections of these names alone.) gdb asks once, as it connects.
void SessionCore::handle(const packet::qOffsets&) {
    if (const auto address = target_.first_segment())
        reply_.frame().text("TextSeg=").hex_number(*address);
    else
        empty();
}

// The names of the bits that QEMU defines. Interrupts and timers go on during a step here: only ENABLE is on.
void SessionCore::handle(const packet::qqemu_sstepbits&) {
    reply_.frame().text("ENABLE=1,NOIRQ=2,NOTIMER=4");
}

void SessionCore::handle(const packet::qqemu_sstep&) {
    reply_.frame().text("0x1");
}

void SessionCore::handle(const packet::Qqemu_sstep& packet) {
    if (packet.flags == 1)
        ok();
    else
        error({TargetError::Code::Unsupported, "steps cannot hold back interrupts or timers"});
}

void SessionCore::handle(const packet::qqemu_PhyMemMode&, Stopped stopped) {
    reply_.frame().text(stopped.memory().physical_mode() ? "1" : "0");
}

void SessionCore::handle(const packet::Qqemu_PhyMemMode& packet, Stopped stopped) {
    stopped.memory().set_physical_mode(packet.on);
    ok();
}

}  // namespace ringside::gdbstub
