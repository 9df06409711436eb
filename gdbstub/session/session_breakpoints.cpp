// Z and z.
#include "gdbstub/session/session_core.h"

namespace ringside::gdbstub {

void SessionCore::handle(const packet::Z& packet, Stopped stopped) {
    Breakpoints* breakpoints = stopped.breakpoints();
    if (breakpoints == nullptr || !packet.kind || !breakpoints->supports(*packet.kind)) {
        empty();
        return;
    }
    const bool has_expressions = !packet.request.conditions.empty() || !packet.request.commands.empty();
    if (has_expressions && !breakpoints->evaluates_conditions()) {
        error({TargetError::Code::Unsupported, "conditions on the target's side were not offered"},
              Words::Accepted);
        return;
    }
    const auto thread = resolve(ThreadSuffix{});
    if (!thread) {
        error(thread.error(), Words::Accepted);
        return;
    }
    auto inserted = breakpoints->insert(*thread, packet.request);
    // For Z1 gdb 13 shows what follows a second dot; for the others it shows all.
    if (!inserted && packet.kind == BreakpointKind::Hardware && client_.kind == Client::Kind::Gdb)
        inserted.error().message = std::string(".").append(inserted.error().message);
    ok_or_error(inserted, Words::Accepted);
}

void SessionCore::handle(const packet::z& packet, Stopped stopped) {
    Breakpoints* breakpoints = stopped.breakpoints();
    if (breakpoints == nullptr || !packet.kind || !breakpoints->supports(*packet.kind)) {
        empty();
        return;
    }
    const auto thread = resolve(ThreadSuffix{});
    if (thread)
        ok_or_error(breakpoints->remove(*thread, *packet.kind, packet.address, packet.size), Words::Accepted);
    else
        error(thread.error(), Words::Accepted);
}

}  // namespace ringside::gdbstub
