#include "gdbstub/packets/registers.h"

namespace ringside::gdbstub::packet {
namespace {

// The hex digits up to the thread suffix, if there is one.
std::string_view take_value(Cursor& args) {
    const std::string_view text = args.rest();
    const std::string_view digits = text.substr(0, text.find(';'));
    args.take(digits);
    return digits;
}

}  // namespace

std::optional<g> parse_g(Cursor args) {
    const auto suffix = take_thread_suffix(args);
    if (!suffix)
        return std::nullopt;
    return g{*suffix};
}

std::optional<G> parse_G(Cursor args) {
    const std::string_view hex = take_value(args);
    const auto suffix = take_thread_suffix(args);
    if (!suffix)
        return std::nullopt;
    return G{hex, *suffix};
}

std::optional<p> parse_p(Cursor args) {
    const auto regno = args.take_hex32();
    const auto suffix = take_thread_suffix(args);
    if (!regno || !suffix)
        return std::nullopt;
    return p{*regno, *suffix};
}

std::optional<P> parse_P(Cursor args) {
    const auto regno = args.take_hex32();
    if (!regno || !args.take('='))
        return std::nullopt;
    const std::string_view hex = take_value(args);
    const auto suffix = take_thread_suffix(args);
    if (!suffix)
        return std::nullopt;
    return P{*regno, hex, *suffix};
}

std::optional<QSaveRegisterState> parse_QSaveRegisterState(Cursor args) {
    const auto suffix = take_thread_suffix(args);
    if (!suffix)
        return std::nullopt;
    return QSaveRegisterState{*suffix};
}

std::optional<QRestoreRegisterState> parse_QRestoreRegisterState(Cursor args) {
    if (!args.take(':'))
        return std::nullopt;
    const auto id = args.take_decimal();
    const auto suffix = take_thread_suffix(args);
    if (!id || *id > UINT32_MAX || !suffix)
        return std::nullopt;
    return QRestoreRegisterState{static_cast<std::uint32_t>(*id), *suffix};
}

}  // namespace ringside::gdbstub::packet
