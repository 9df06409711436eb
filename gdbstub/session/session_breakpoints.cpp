// Z, z and jMultiBreakpoint.
#include <fmt/format.h>

#include "gdbstub/session/lldb_json.h"
#include "gdbstub/session/session_core.h"

namespace ringside::gdbstub {

using Code = TargetError::Code;

Result<bool> SessionCore::set(const packet::Z& packet, Stopped stopped) {
    Breakpoints* breakpoints = stopped.breakpoints();
    if (breakpoints == nullptr || !packet.kind || !breakpoints->supports(*packet.kind))
        return false;
    if (!packet.request.conditions.empty() && !breakpoints->evaluates_conditions())
        return failure(Code::Unsupported, "conditions on the target's side were not offered");
    if (!packet.request.commands.empty() && !breakpoints->runs_commands())
        return failure(Code::Unsupported, "commands on the target's side were not offered");
    const ThreadId thread = STUB_TRY(resolve(ThreadSuffix{}));
    STUB_TRY(breakpoints->insert(thread, packet.request));
    return true;
}

Result<bool> SessionCore::remove(const packet::z& packet, Stopped stopped) {
    Breakpoints* breakpoints = stopped.breakpoints();
    if (breakpoints == nullptr || !packet.kind || !breakpoints->supports(*packet.kind))
        return false;
    const ThreadId thread = STUB_TRY(resolve(ThreadSuffix{}));
    STUB_TRY(breakpoints->remove(thread, *packet.kind, packet.address, packet.size));
    return true;
}

SessionCore::Handled SessionCore::handle(const packet::Z& packet, Stopped stopped) {
    auto supported = set(packet, stopped);
    if (supported)
        return *supported ? ok() : empty();
    // For Z1 gdb 13 shows what follows a second dot; for the others it shows all.
    if (packet.kind == BreakpointKind::Hardware && client_.kind == Client::Kind::Gdb)
        supported.error().message = std::string(".").append(supported.error().message);
    return tl::unexpected(std::move(supported.error()));
}

SessionCore::Handled SessionCore::handle(const packet::z& packet, Stopped stopped) {
    const bool supported = STUB_TRY(remove(packet, stopped));
    return supported ? ok() : empty();
}

// One after the other; one that fails does not keep the next from being done.
SessionCore::Handled SessionCore::handle(const packet::jMultiBreakpoint& packet, Stopped stopped) {
    nlohmann::json results = nlohmann::json::array();
    for (const std::string& request : packet.requests)
        results.push_back(set_or_remove(request, stopped));
    reply_.frame().binary(dump_json({{"results", std::move(results)}}));
    return {};
}

// Returns what would be the reply to the request as a packet.
std::string SessionCore::set_or_remove(const std::string& request, Stopped stopped) {
    const Command command = parse_command(request);
    Result<bool> supported = failure(Code::Invalid, "neither a Z nor a z packet");
    if (const auto* wanted = std::get_if<packet::Z>(&command))
        supported = set(*wanted, stopped);
    else if (const auto* unwanted = std::get_if<packet::z>(&command))
        supported = remove(*unwanted, stopped);
    if (supported)
        return *supported ? "OK" : "";
    last_error_ = supported.error().message;
    auto error = fmt::format("E{:02x}", static_cast<unsigned>(supported.error().code));
    if (client_.error_strings)
        error += ";" + to_hex(last_error_);
    return error;
}

}  // namespace ringside::gdbstub
