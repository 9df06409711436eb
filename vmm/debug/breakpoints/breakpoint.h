// One breakpoint or watchpoint, and how it is watched for.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>

#include "gdbstub/target.h"
#include "vmm/base/ids.h"

namespace ringside::debug {

enum class Mechanism : std::uint8_t { Int3, Slot, Stepping };

struct Breakpoint {
    gdbstub::BreakpointRequest request;
    Mechanism mechanism = Mechanism::Stepping;
    bool plantable = false;                      // an int3 can stand there
    Gpa gpa;                                     // where it does or would
    bool user = false;                           // user code may run there
    bool without_paging = false;                 // its address is the place, whatever is there
    bool disturbs = false;                       // as an int3 it would be in somebody's way
    bool no_code = false;                        // nothing has been written there yet
    std::optional<std::uint64_t> address_space;  // the CR3 to which it is limited
    bool waiting = false;                // a software breakpoint without an executable page in memory, as yet
    std::atomic<std::uint64_t> hits{0};  // stops and ignored hits alike; several vCPUs may count at once

    bool prefers_slot() const { return disturbs || no_code; }
    bool is_watchpoint() const { return request.kind >= gdbstub::BreakpointKind::WriteWatch; }
};

// "int3", "debug slot", "stepping"
const char* name(Mechanism);

}  // namespace ringside::debug
