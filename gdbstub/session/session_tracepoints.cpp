#include "gdbstub/session/session_tracepoints.h"

#include <algorithm>

#include "gdbstub/framer.h"
#include "gdbstub/session/trace_text.h"

namespace ringside::gdbstub {

void SessionTraces::forget_client() {
    leave_frame();
    read_only_.clear();
    lines_.clear();
    next_line_ = 0;
}

Result<void> SessionTraces::check_live() const {
    if (frame_selected())
        return failure(TargetError::Code::Invalid,
                       "a trace frame cannot be written to: `tfind none` goes back to the live target");
    return {};
}

SessionTraces::Handled SessionTraces::ok() {
    reply_.frame().text("OK");
    return {};
}

// ---- Definitions

SessionTraces::Handled SessionTraces::answer(const packet::QTinit&, Tracepoints& traces, ThreadId) {
    forget_client();
    traces.clear();
    return ok();
}

SessionTraces::Handled SessionTraces::answer(const packet::QTDP& packet, Tracepoints& traces,
                                             ThreadId thread) {
    if (packet.fast_or_static)
        return failure(TargetError::Code::Unsupported,
                       "fast and static tracepoints need code inside the guest: use `trace`");
    if (const auto* head = std::get_if<TracepointHead>(&packet.what))
        STUB_TRY(traces.define(*head, !packet.more, thread));
    else
        STUB_TRY(traces.add(std::get<TracepointActions>(packet.what), !packet.more, thread));
    return ok();
}

SessionTraces::Handled SessionTraces::answer(const packet::QTDPsrc& packet, Tracepoints& traces,
                                             ThreadId thread) {
    STUB_TRY(traces.add(packet.source, thread));
    return ok();
}

SessionTraces::Handled SessionTraces::answer(const packet::QTDV& packet, Tracepoints& traces, ThreadId) {
    STUB_TRY(traces.define(packet.variable));
    return ok();
}

SessionTraces::Handled SessionTraces::answer(const packet::QTro& packet, Tracepoints&, ThreadId) {
    read_only_ = packet.ranges;
    return ok();
}

SessionTraces::Handled SessionTraces::answer(const packet::QTEnable& packet, Tracepoints& traces,
                                             ThreadId thread) {
    STUB_TRY(traces.enable(packet.id, true, thread));
    return ok();
}

SessionTraces::Handled SessionTraces::answer(const packet::QTDisable& packet, Tracepoints& traces,
                                             ThreadId thread) {
    STUB_TRY(traces.enable(packet.id, false, thread));
    return ok();
}

SessionTraces::Handled SessionTraces::answer(const packet::QTBuffer& packet, Tracepoints& traces, ThreadId) {
    if (const auto* circular = std::get_if<packet::QTBuffer::Circular>(&packet.what))
        STUB_TRY(traces.set_circular(circular->on));
    else
        STUB_TRY(traces.set_buffer_size(std::get<packet::QTBuffer::Size>(packet.what).bytes));
    return ok();
}

SessionTraces::Handled SessionTraces::answer(const packet::QTDisconnected& packet, Tracepoints& traces,
                                             ThreadId) {
    traces.set_disconnected(packet.on);
    return ok();
}

SessionTraces::Handled SessionTraces::answer(const packet::QTNotes& packet, Tracepoints& traces, ThreadId) {
    traces.set_notes(packet.notes);
    return ok();
}

// ---- The experiment

SessionTraces::Handled SessionTraces::answer(const packet::QTStart&, Tracepoints& traces, ThreadId thread) {
    leave_frame();
    STUB_TRY(traces.start(thread));
    return ok();
}

SessionTraces::Handled SessionTraces::answer(const packet::QTStop&, Tracepoints& traces, ThreadId thread) {
    traces.stop(thread);
    return ok();
}

SessionTraces::Handled SessionTraces::answer(const packet::qTStatus&, Tracepoints& traces, ThreadId) {
    reply_.frame().text(trace_status_text(traces.status()));
    return {};
}

SessionTraces::Handled SessionTraces::answer(const packet::qTP& packet, Tracepoints& traces, ThreadId) {
    const auto use = traces.use(packet.id);
    if (!use)
        return failure(TargetError::Code::Invalid, "there is no such tracepoint");
    reply_.frame().text("V").hex_number(use->hits).text(":").hex_number(use->bytes);
    return {};
}

SessionTraces::Handled SessionTraces::answer(const packet::qTV& packet, Tracepoints& traces, ThreadId) {
    const auto value =
        frame_ ? traces.frame_variable(frame_->number, packet.number) : traces.variable(packet.number);
    auto frame = reply_.frame();
    if (value)
        frame.text("V").hex_number(*value);
    else
        frame.text("U");
    return {};
}

// ---- What a client that attaches wants to know

SessionTraces::Handled SessionTraces::upload(std::vector<std::string> lines) {
    lines_ = std::move(lines);
    next_line_ = 0;
    return next_line();
}

SessionTraces::Handled SessionTraces::next_line() {
    if (next_line_ < lines_.size())
        reply_.frame().text(lines_[next_line_++]);
    else
        reply_.frame().text("l");
    return {};
}

SessionTraces::Handled SessionTraces::answer(const packet::qTfP&, Tracepoints& traces, ThreadId) {
    return upload(tracepoint_lines(traces.tracepoints()));
}

SessionTraces::Handled SessionTraces::answer(const packet::qTsP&, Tracepoints&, ThreadId) {
    return next_line();
}

SessionTraces::Handled SessionTraces::answer(const packet::qTfV&, Tracepoints& traces, ThreadId) {
    return upload(variable_lines(traces.variables()));
}

SessionTraces::Handled SessionTraces::answer(const packet::qTsV&, Tracepoints&, ThreadId) {
    return next_line();
}

// ---- Frames

SessionTraces::Handled SessionTraces::answer(const packet::QTFrame& packet, Tracepoints& traces, ThreadId) {
    if (!packet.search) {
        leave_frame();
        reply_.frame().text("F-1");
        return {};
    }
    const auto after = frame_ ? std::optional(frame_->number) : std::nullopt;
    const auto found = traces.find(*packet.search, after);
    auto frame = reply_.frame();
    if (!found) {
        frame.text("F-1");
        return {};
    }
    frame_ = found;
    frame.text("F").hex_number(found->number).text("T").hex_number(found->tracepoint);
    return {};
}

SessionTraces::Handled SessionTraces::answer(const packet::qTBuffer& packet, Tracepoints& traces, ThreadId) {
    bytes_.resize(static_cast<std::size_t>(std::min<std::uint64_t>(packet.length, kMaxPayload / 2)));
    const std::size_t count = traces.read_buffer(packet.offset, bytes_);
    if (count == 0)
        reply_.frame().text("l");
    else
        reply_.frame().hex(std::span(bytes_).first(count));
    return {};
}

SessionTraces::Handled SessionTraces::answer(const packet::QTSave&, Tracepoints&, ThreadId) {
    return failure(TargetError::Code::Unsupported,
                   "a client may not write files on this host: `tsave` without -r writes one on its own");
}

// If the block was not collected, the program counter may be known nevertheless.
SessionTraces::Handled SessionTraces::write_registers(const Tracepoints& traces, Registers& live,
                                                      ThreadId thread) {
    if (const auto block = traces.frame_registers(frame_->number)) {
        reply_.frame().hex(*block);
        return {};
    }
    bytes_.clear();
    std::vector<std::pair<std::size_t, std::size_t>> unavailable;
    STUB_TRY(live.read_all(thread, bytes_, unavailable));  // for its length
    const auto pc = live.info(live.pc());
    const auto address = traces.frame_pc(frame_->number);
    const bool known = pc && address && pc->offset + pc->bits / 8 <= bytes_.size();
    const std::size_t first = known ? pc->offset : bytes_.size();
    const std::size_t size = known ? pc->bits / 8 : 0;
    for (std::size_t i = 0; i < size; ++i)
        bytes_[first + i] = static_cast<std::byte>(*address >> (8 * i));
    auto frame = reply_.frame();
    frame.unavailable(first);
    frame.hex(std::span(bytes_).subspan(first, size));
    frame.unavailable(bytes_.size() - first - size);
    return {};
}

// Registers outside the g block are not in any frame.
SessionTraces::Handled SessionTraces::write_register(const Tracepoints& traces, Registers& live,
                                                     std::uint32_t regno) {
    const auto info = live.info(regno);
    if (!info)
        return failure(TargetError::Code::Invalid, "no such register");
    const std::size_t size = info->bits / 8;
    const auto block = traces.frame_registers(frame_->number);
    if (block && info->offset + size <= block->size())
        reply_.frame().hex(std::span(*block).subspan(info->offset, size));
    else
        reply_.frame().unavailable(size);
    return {};
}

// Read-only sections are the same in every frame and now.
Result<std::size_t> SessionTraces::read_memory(const Tracepoints& traces, Memory& live, ThreadId thread,
                                               Address address, std::span<std::byte> out) const {
    if (const std::size_t count = traces.frame_memory(frame_->number, address, out);
        count != 0 || out.empty())
        return count;
    for (const auto& [first, end] : read_only_)
        if (first <= address && address < end)
            return live.read(
                thread, address,
                out.first(static_cast<std::size_t>(std::min<std::uint64_t>(out.size(), end - address))));
    return failure(TargetError::Code::Fault, "this memory was not collected");
}

std::optional<std::string> SessionTraces::frame_info(const Tracepoints& traces) const {
    if (!frame_)
        return std::nullopt;
    return frame_info_document(traces.frame_contents(frame_->number));
}

}  // namespace ringside::gdbstub
