#include "gdbstub/session/trace_text.h"

#include <algorithm>

#include <fmt/format.h>

#include "gdbstub/hex.h"

namespace ringside::gdbstub {
namespace {

std::string end_text(const TraceStatus& status) {
    switch (status.end) {
        case TraceEnd::NotRun:
            return "tnotrun:0";
        case TraceEnd::Stopped:
            return fmt::format("tstop:{}:0", status.notes.stop);
        case TraceEnd::Full:
            return "tfull:0";
        case TraceEnd::PassCount:
            return fmt::format("tpasscount:{:x}", status.tracepoint);
        case TraceEnd::Error:
            return fmt::format("terror:{}:{:x}", to_hex(status.error), status.tracepoint);
        case TraceEnd::Disconnected:
            return "tdisconnected:0";
    }
    return "tunknown:0";
}

std::string hex_of(const std::vector<std::byte>& bytes) {
    std::string text(bytes.size() * 2, '0');
    encode_hex(bytes, text.data());
    return text;
}

std::string head_line(const TracepointHead& head) {
    std::string line = fmt::format("T{:x}:{:x}:{}:{:x}:{:x}", head.id.number, head.id.address,
                                   head.enabled ? 'E' : 'D', head.steps, head.passes);
    if (!head.condition.empty())
        line += fmt::format(":X{:x},{}", head.condition.size(), hex_of(head.condition));
    return line;
}

}  // namespace

std::string trace_status_text(const TraceStatus& status) {
    std::string text = fmt::format("T{};{}", status.running ? 1 : 0, end_text(status));
    text += fmt::format(";tframes:{:x};tcreated:{:x};tfree:{:x};tsize:{:x};circular:{};disconn:{}",
                        status.frames, status.created, status.free, status.size, status.circular ? 1 : 0,
                        status.disconnected ? 1 : 0);
    if (status.started != 0)
        text += fmt::format(";starttime:{:x}", status.started);
    if (status.stopped != 0)
        text += fmt::format(";stoptime:{:x}", status.stopped);
    if (!status.notes.user.empty())
        text += ";username:" + status.notes.user;
    if (!status.notes.notes.empty())
        text += ";notes:" + status.notes.notes;
    return text;
}

std::vector<std::string> tracepoint_lines(const std::vector<DefinedTracepoint>& tracepoints) {
    std::vector<std::string> lines;
    for (const DefinedTracepoint& tracepoint : tracepoints) {
        const TracepointId id = tracepoint.head.id;
        lines.push_back(head_line(tracepoint.head));
        for (const TracepointActions& actions : tracepoint.actions)
            lines.push_back(fmt::format("{}{:x}:{:x}:{}", actions.stepping ? 'S' : 'A', id.number, id.address,
                                        actions.text));
        for (const TracepointSource& source : tracepoint.sources)
            lines.push_back(fmt::format("Z{:x}:{:x}:{}:{:x}:{:x}:{}", id.number, id.address, source.type,
                                        source.start, source.total, source.hex));
    }
    return lines;
}

std::vector<std::string> variable_lines(const std::vector<TraceVariable>& variables) {
    std::vector<std::string> lines;
    lines.reserve(variables.size());
    for (const TraceVariable& variable : variables)
        lines.push_back(fmt::format("{:x}:{:x}:{:x}:{}", variable.number, variable.value,
                                    variable.builtin ? 1 : 0, to_hex(variable.name)));
    std::ranges::reverse(lines);  // gdb creates them in the opposite order, and so as they were defined
    return lines;
}

std::string frame_info_document(const FrameContents& contents) {
    std::string text =
        "<?xml version=\"1.0\"?>\n<!DOCTYPE traceframe-info SYSTEM \"traceframe-info.dtd\">\n"
        "<traceframe-info version=\"1.0\">\n";
    for (const auto& [start, length] : contents.memory)
        text += fmt::format("<memory start=\"{:#x}\" length=\"{:#x}\"/>\n", start, length);
    for (const std::uint32_t number : contents.variables)
        text += fmt::format("<tvar id=\"{:#x}\"/>\n", number);
    return text + "</traceframe-info>\n";
}

}  // namespace ringside::gdbstub
