// `Z` and `z`: breakpoints and watchpoints, types 0 to 4.
#pragma once

#include <cstdint>
#include <optional>

#include "gdbstub/cursor.h"
#include "gdbstub/target.h"

namespace ringside::gdbstub::packet {

struct Z {
    // nullopt for a type above 4, which no target supports: the reply is empty.
    std::optional<BreakpointKind> kind;
    BreakpointRequest request;
};
struct z {
    std::optional<BreakpointKind> kind;
    Address address = 0;
    std::uint64_t size = 0;
};

// `TYPE,ADDR,KIND[;X<len>,<hex>X<len>,<hex>...][;cmds:<persist>,X<len>,<hex>...]`
std::optional<Z> parse_Z(Cursor args);
std::optional<z> parse_z(Cursor args);

}  // namespace ringside::gdbstub::packet
