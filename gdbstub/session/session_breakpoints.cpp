// Z and z.
#include "gdbstub/session/session_core.h"

namespace ringside::gdbstub {

using Code = TargetError::Code;

SessionCore::Handled SessionCore::handle(const packet::Z& packet, Stopped stopped) {
    Breakpoints* breakpoints = stopped.breakpoints();
    if (breakpoints == nullptr || !packet.kind || !breakpoints->supports(*packet.kind))
        return empty();
    if (!packet.request.conditions.empty() && !breakpoints->evaluates_conditions())
        return failure(Code::Unsupported, "conditions on the target's side were not offered");
    if (!packet.request.commands.empty() && !breakpoints->runs_commands())
        return failure(Code::Unsupported, "commands on the target's side were not offered");
    const ThreadId thread = STUB_TRY(resolve(ThreadSuffix{}));
    auto inserted = breakpoints->insert(thread, packet.request);
    if (inserted)
        return ok();
    // For Z1 gdb 13 shows what follows a second dot; for the others it shows all.
    if (packet.kind == BreakpointKind::Hardware && client_.kind == Client::Kind::Gdb)
        inserted.error().message = std::string(".").append(inserted.error().message);
    return inserted;
}

SessionCore::Handled SessionCore::handle(const packet::z& packet, Stopped stopped) {
    Breakpoints* breakpoints = stopped.breakpoints();
    if (breakpoints == nullptr || !packet.kind || !breakpoints->supports(*packet.kind))
        return empty();
    const ThreadId thread = STUB_TRY(resolve(ThreadSuffix{}));
    STUB_TRY(breakpoints->remove(thread, *packet.kind, packet.address, packet.size));
    return ok();
}

}  // namespace ringside::gdbstub
