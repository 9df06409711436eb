// g, G, p, P, and LLDB's QSaveRegisterState and QRestoreRegisterState.
#include "gdbstub/hex.h"
#include "gdbstub/session/session_core.h"

namespace ringside::gdbstub {

SessionCore::Handled SessionCore::handle(const packet::g& packet, Stopped stopped) {
    if (traces_.frame_selected())
        return traces_.write_registers(*target_.tracepoints(), stopped.registers(),
                                       STUB_TRY(resolve(packet.suffix)));
    const ThreadId thread = STUB_TRY(resolve_stopped(packet.suffix));
    bytes_.clear();
    unavailable_.clear();
    STUB_TRY(stopped.registers().read_all(thread, bytes_, unavailable_));
    auto frame = reply_.frame();
    frame.hex(bytes_);
    for (const auto& [offset, length] : unavailable_)
        if (offset <= bytes_.size())
            frame.mark_unavailable(offset * 2, length);
    return {};
}

SessionCore::Handled SessionCore::handle(const packet::G& packet, Stopped stopped) {
    const ThreadId thread = STUB_TRY(resolve_stopped(packet.suffix));
    bytes_.clear();
    if (!decode_hex(packet.hex, bytes_))
        return malformed();
    STUB_TRY(traces_.check_live());
    STUB_TRY(stopped.registers().write_all(thread, bytes_));
    return ok();
}

SessionCore::Handled SessionCore::handle(const packet::p& packet, Stopped stopped) {
    if (traces_.frame_selected())
        return traces_.write_register(*target_.tracepoints(), stopped.registers(), packet.regno);
    const ThreadId thread = STUB_TRY(resolve_stopped(packet.suffix));
    const std::vector<std::byte> value = STUB_TRY(stopped.registers().read(thread, packet.regno));
    if (!value.empty()) {
        reply_.frame().hex(value);
        return {};
    }
    const auto info = stopped.registers().info(packet.regno);
    if (!info)
        return failure(TargetError::Code::Invalid, "no such register");
    reply_.frame().unavailable(info->bits / 8);
    return {};
}

SessionCore::Handled SessionCore::handle(const packet::P& packet, Stopped stopped) {
    const ThreadId thread = STUB_TRY(resolve_stopped(packet.suffix));
    bytes_.clear();
    if (!decode_hex(packet.hex, bytes_))
        return malformed();
    STUB_TRY(traces_.check_live());
    STUB_TRY(stopped.registers().write(thread, packet.regno, bytes_));
    return ok();
}

SessionCore::Handled SessionCore::handle(const packet::QSaveRegisterState& packet, Stopped stopped) {
    const ThreadId thread = STUB_TRY(resolve_stopped(packet.suffix));
    const std::uint32_t id = STUB_TRY(stopped.registers().save(thread));
    reply_.frame().decimal(id);
    return {};
}

SessionCore::Handled SessionCore::handle(const packet::QRestoreRegisterState& packet, Stopped stopped) {
    const ThreadId thread = STUB_TRY(resolve_stopped(packet.suffix));
    STUB_TRY(stopped.registers().restore(thread, packet.id));
    return ok();
}

}  // namespace ringside::gdbstub
