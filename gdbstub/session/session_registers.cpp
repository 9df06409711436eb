// g, G, p, P, and LLDB's QSaveRegisterState and QRestoreRegisterState.
#include "gdbstub/hex.h"
#include "gdbstub/session/session_core.h"

namespace ringside::gdbstub {

void SessionCore::handle(const packet::g& packet, Stopped stopped) {
    const auto thread = resolve(packet.suffix);
    if (!thread) {
        error(thread.error(), Words::Accepted);
        return;
    }
    bytes_.clear();
    unavailable_.clear();
    if (const auto read = stopped.registers().read_all(*thread, bytes_, unavailable_); !read) {
        error(read.error(), Words::Accepted);
        return;
    }
    auto frame = reply_.frame();
    frame.hex(bytes_);
    for (const auto& [offset, length] : unavailable_)
        if (offset <= bytes_.size())
            frame.mark_unavailable(offset * 2, length);
}

void SessionCore::handle(const packet::G& packet, Stopped stopped) {
    const auto thread = resolve(packet.suffix);
    bytes_.clear();
    if (!thread)
        error(thread.error(), Words::Accepted);
    else if (!decode_hex(packet.hex, bytes_))
        malformed();
    else
        ok_or_error(stopped.registers().write_all(*thread, bytes_), Words::Accepted);
}

void SessionCore::handle(const packet::p& packet, Stopped stopped) {
    const auto thread = resolve(packet.suffix);
    if (!thread) {
        error(thread.error(), Words::Accepted);
        return;
    }
    const auto value = stopped.registers().read(*thread, packet.regno);
    if (!value) {
        error(value.error(), Words::Accepted);
        return;
    }
    if (!value->empty()) {
        reply_.frame().hex(*value);
        return;
    }
    const auto info = stopped.registers().info(packet.regno);
    if (info)
        reply_.frame().unavailable(info->bits / 8);
    else
        error({TargetError::Code::Invalid, "no such register"}, Words::Accepted);
}

void SessionCore::handle(const packet::P& packet, Stopped stopped) {
    const auto thread = resolve(packet.suffix);
    bytes_.clear();
    if (!thread)
        error(thread.error(), Words::Accepted);
    else if (!decode_hex(packet.hex, bytes_))
        malformed();
    else
        ok_or_error(stopped.registers().write(*thread, packet.regno, bytes_), Words::Accepted);
}

void SessionCore::handle(const packet::QSaveRegisterState& packet, Stopped stopped) {
    const auto thread = resolve(packet.suffix);
    if (!thread) {
        error(thread.error());
        return;
    }
    const auto id = stopped.registers().save(*thread);
    if (id)
        reply_.frame().decimal(*id);
    else
        error(id.error());
}

void SessionCore::handle(const packet::QRestoreRegisterState& packet, Stopped stopped) {
    const auto thread = resolve(packet.suffix);
    if (thread)
        ok_or_error(stopped.registers().restore(*thread, packet.id));
    else
        error(thread.error());
}

}  // namespace ringside::gdbstub
