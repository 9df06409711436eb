#include "gdbstub/packets/threads.h"

namespace ringside::gdbstub::packet {
namespace {

std::optional<ThreadSelector> parse_selector(Cursor args) {
    const auto thread = take_thread(args);
    return thread && args.at_end() ? thread : std::nullopt;
}

}  // namespace

std::optional<H> parse_H(Cursor args) {
    H packet;
    if (args.take('c'))
        packet.use = H::Use::Continue;
    else if (!args.take('g'))
        return std::nullopt;
    const auto thread = parse_selector(args);
    if (!thread)
        return std::nullopt;
    packet.thread = *thread;
    return packet;
}

std::optional<T> parse_T(Cursor args) {
    const auto thread = parse_selector(args);
    return thread ? std::optional(T{*thread}) : std::nullopt;
}

std::optional<qThreadExtraInfo> parse_qThreadExtraInfo(Cursor args) {
    if (!args.take(','))
        return std::nullopt;
    const auto thread = parse_selector(args);
    return thread ? std::optional(qThreadExtraInfo{*thread}) : std::nullopt;
}

}  // namespace ringside::gdbstub::packet
