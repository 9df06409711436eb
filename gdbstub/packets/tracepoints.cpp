#include "gdbstub/packets/tracepoints.h"

#include <algorithm>
#include <string>

#include "gdbstub/hex.h"

namespace ringside::gdbstub::packet {
namespace {

// `NUMBER:ADDRESS`
std::optional<TracepointId> take_id(Cursor& args) {
    const auto number = args.take_hex32();
    if (!number || !args.take(':'))
        return std::nullopt;
    const auto address = args.take_hex();
    if (!address)
        return std::nullopt;
    return TracepointId{*number, *address};
}

// Exactly `:NUMBER:ADDRESS`.
template <typename Packet>
std::optional<Packet> parse_id(Cursor args) {
    if (!args.take(':'))
        return std::nullopt;
    const auto id = take_id(args);
    return id && args.at_end() ? std::optional(Packet{*id}) : std::nullopt;
}

// `LENGTH,BYTES`
std::optional<std::vector<std::byte>> take_code(Cursor& args) {
    const auto length = args.take_hex();
    if (!length || !args.take(',') || *length > args.rest().size() / 2)
        return std::nullopt;
    std::vector<std::byte> code;
    const auto digits = args.take_exactly(*length * 2);
    if (!digits || !decode_hex(*digits, code))
        return std::nullopt;
    return code;
}

bool take_one(Cursor& args, std::uint64_t& number, char separator) {
    const auto value = args.take_hex();
    number = value.value_or(0);
    return value && (separator == '\0' || args.take(separator));
}

// `REGISTER,OFFSET,LENGTH`; gdb writes an absolute address as register -1.
std::optional<CollectMemory> take_memory(Cursor& args) {
    CollectMemory memory;
    if (!args.take("-1") && !args.take("FFFFFFFF")) {
        memory.base = args.take_hex32();
        if (!memory.base)
            return std::nullopt;
    }
    if (!args.take(',') || !take_one(args, memory.offset, ',') || !take_one(args, memory.size, '\0'))
        return std::nullopt;
    return memory;
}

// A mask may be longer than any number: a register more is a bit more.
bool skip_mask(Cursor& args) {
    std::size_t digits = 0;
    while (!args.at_end() && hex_value(args.rest().front()) >= 0) {
        args.take(args.rest().front());
        ++digits;
    }
    return digits != 0;
}

std::optional<TraceAction> take_trace_action(Cursor& args) {
    if (args.take('R'))
        return skip_mask(args) ? std::optional<TraceAction>(CollectRegisters{}) : std::nullopt;
    if (args.take('M'))
        return take_memory(args);
    if (!args.take('X'))
        return std::nullopt;
    auto code = take_code(args);
    if (!code)
        return std::nullopt;
    return CollectExpression{*std::move(code)};
}

// `-NUMBER:ADDRESS:[S]ACTION...[-]`, after the minus.
std::optional<QTDP> parse_actions(Cursor args) {
    const auto id = take_id(args);
    if (!id || !args.take(':'))
        return std::nullopt;
    TracepointActions actions{*id, args.take('S'), {}, {}};
    actions.text = args.rest();
    QTDP packet;
    while (!args.at_end() && args.rest() != "-") {
        auto action = take_trace_action(args);
        if (!action)
            return std::nullopt;
        actions.actions.push_back(*std::move(action));
    }
    packet.more = args.take('-');
    if (packet.more)
        actions.text.pop_back();
    packet.what = std::move(actions);
    return packet;
}

// The type is sent back as it came.
bool is_word(std::string_view text) {
    return !text.empty() &&
           std::ranges::all_of(text, [](char c) { return (c >= 'a' && c <= 'z') || c == '_'; });
}

std::optional<bool> take_enabled(Cursor& args) {
    if (args.take('E'))
        return true;
    return args.take('D') ? std::optional(false) : std::nullopt;
}

// `0` or `1`
std::optional<bool> parse_bare_switch(Cursor args) {
    if (args.rest() != "0" && args.rest() != "1")
        return std::nullopt;
    return args.rest() == "1";
}

std::optional<FrameSearch> parse_range(Cursor args, FrameSearch::By by) {
    FrameSearch search{by, 0, 0};
    if (!take_one(args, search.first, ':') || !take_one(args, search.last, '\0') || !args.at_end())
        return std::nullopt;
    return search;
}

std::optional<FrameSearch> parse_one(Cursor args, FrameSearch::By by) {
    FrameSearch search{by, 0, 0};
    return take_one(args, search.first, '\0') && args.at_end() ? std::optional(search) : std::nullopt;
}

std::optional<FrameSearch> parse_search(Cursor args) {
    if (args.take("pc:"))
        return parse_one(args, FrameSearch::By::Pc);
    if (args.take("tdp:"))
        return parse_one(args, FrameSearch::By::Tracepoint);
    if (args.take("range:"))
        return parse_range(args, FrameSearch::By::Inside);
    if (args.take("outside:"))
        return parse_range(args, FrameSearch::By::Outside);
    return parse_one(args, FrameSearch::By::Number);
}

}  // namespace

// `:NUMBER:ADDRESS:E|D:STEPS:PASSES[:FLENGTH][:S][:XLENGTH,CONDITION][-]`
std::optional<QTDP> parse_QTDP(Cursor args) {
    if (!args.take(':'))
        return std::nullopt;
    if (args.take('-'))
        return parse_actions(args);
    const auto id = take_id(args);
    if (!id || !args.take(':'))
        return std::nullopt;
    const auto enabled = take_enabled(args);
    if (!enabled || !args.take(':'))
        return std::nullopt;
    TracepointHead head{*id, *enabled, 0, 0, {}};
    if (!take_one(args, head.steps, ':') || !take_one(args, head.passes, '\0'))
        return std::nullopt;
    QTDP packet;
    while (args.take(':')) {
        if (args.take('F')) {
            packet.fast_or_static = args.take_hex().has_value();
        } else if (args.take('S')) {
            packet.fast_or_static = true;
        } else if (args.take('X')) {
            auto code = take_code(args);
            if (!code)
                return std::nullopt;
            head.condition = *std::move(code);
        } else {
            return std::nullopt;
        }
    }
    packet.more = args.take('-');
    if (!args.at_end())
        return std::nullopt;
    packet.what = std::move(head);
    return packet;
}

// `:NUMBER:ADDRESS:TYPE:START:TOTAL:HEX`
std::optional<QTDPsrc> parse_QTDPsrc(Cursor args) {
    if (!args.take(':'))
        return std::nullopt;
    const auto id = take_id(args);
    if (!id || !args.take(':'))
        return std::nullopt;
    TracepointSource source{*id, std::string(args.take_until(':')), 0, 0, {}};
    if (!is_word(source.type) || !take_one(args, source.start, ':') || !take_one(args, source.total, ':'))
        return std::nullopt;
    std::vector<std::byte> bytes;
    if (!decode_hex(args.rest(), bytes))
        return std::nullopt;
    source.hex = args.rest();
    return QTDPsrc{std::move(source)};
}

// `:NUMBER:VALUE:BUILTIN:HEXNAME`
std::optional<QTDV> parse_QTDV(Cursor args) {
    if (!args.take(':'))
        return std::nullopt;
    const auto number = args.take_hex32();
    TraceVariable variable{number.value_or(0), 0, false, {}};
    if (!number || !args.take(':') || !take_one(args, variable.value, ':'))
        return std::nullopt;
    std::uint64_t builtin = 0;
    std::vector<std::byte> name;
    if (!take_one(args, builtin, ':') || !decode_hex(args.rest(), name))
        return std::nullopt;
    variable.builtin = builtin != 0;
    variable.name.assign(reinterpret_cast<const char*>(name.data()), name.size());
    return QTDV{std::move(variable)};
}

// `:FIRST,END` as often as it comes; not at all takes all back.
std::optional<QTro> parse_QTro(Cursor args) {
    QTro packet;
    while (args.take(':')) {
        const auto first = args.take_hex();
        if (!first || !args.take(','))
            return std::nullopt;
        const auto end = args.take_hex();
        if (!end)
            return std::nullopt;
        packet.ranges.emplace_back(*first, *end);
    }
    return args.at_end() ? std::optional(std::move(packet)) : std::nullopt;
}

std::optional<QTEnable> parse_QTEnable(Cursor args) {
    return parse_id<QTEnable>(args);
}

std::optional<QTDisable> parse_QTDisable(Cursor args) {
    return parse_id<QTDisable>(args);
}

std::optional<QTDisconnected> parse_QTDisconnected(Cursor args) {
    const auto on = args.take(':') ? parse_bare_switch(args) : std::nullopt;
    return on ? std::optional(QTDisconnected{*on}) : std::nullopt;
}

std::optional<QTBuffer> parse_QTBuffer(Cursor args) {
    if (args.take(":circular:")) {
        const auto on = parse_bare_switch(args);
        return on ? std::optional(QTBuffer{QTBuffer::Circular{*on}}) : std::nullopt;
    }
    if (!args.take(":size:"))
        return std::nullopt;
    if (args.rest() == "-1")
        return QTBuffer{QTBuffer::Size{}};
    const auto bytes = args.take_hex();
    return bytes && args.at_end() ? std::optional(QTBuffer{QTBuffer::Size{*bytes}}) : std::nullopt;
}

// `:TYPE:HEX;TYPE:HEX...`; other types than these three mean nothing here.
std::optional<QTNotes> parse_QTNotes(Cursor args) {
    if (!args.take(':'))
        return std::nullopt;
    QTNotes packet;
    while (!args.at_end()) {
        const std::string_view type = args.take_until(':');
        const std::string_view hex = args.take_until(';');
        std::vector<std::byte> text;
        if (!decode_hex(hex, text))
            return std::nullopt;
        if (type == "user")
            packet.notes.user = hex;
        else if (type == "notes")
            packet.notes.notes = hex;
        else if (type == "tstop")
            packet.notes.stop = hex;
    }
    return packet;
}

std::optional<QTSave> parse_QTSave(Cursor args) {
    return args.take(':') ? std::optional(QTSave{}) : std::nullopt;
}

std::optional<QTFrame> parse_QTFrame(Cursor args) {
    if (!args.take(':'))
        return std::nullopt;
    if (args.rest() == "ffffffff" || args.rest() == "-1")
        return QTFrame{};
    const auto search = parse_search(args);
    return search ? std::optional(QTFrame{search}) : std::nullopt;
}

std::optional<qTP> parse_qTP(Cursor args) {
    return parse_id<qTP>(args);
}

std::optional<qTV> parse_qTV(Cursor args) {
    if (!args.take(':'))
        return std::nullopt;
    const auto number = args.take_hex32();
    return number && args.at_end() ? std::optional(qTV{*number}) : std::nullopt;
}

std::optional<qTBuffer> parse_qTBuffer(Cursor args) {
    qTBuffer packet;
    if (!args.take(':') || !take_one(args, packet.offset, ',') || !take_one(args, packet.length, '\0') ||
        !args.at_end())
        return std::nullopt;
    return packet;
}

}  // namespace ringside::gdbstub::packet
