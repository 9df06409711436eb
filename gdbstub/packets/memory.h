// Memory packets. Addresses are the client's; a range may extend past the end of the address space, and the
// handlers decide what to do then.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "gdbstub/cursor.h"
#include "gdbstub/target.h"

namespace ringside::gdbstub::packet {

// LLDB's address spaces: a read may name one.
inline constexpr std::uint64_t kDefaultSpace = 0, kPhysicalSpace = 1;

struct MemoryRange {
    Address address = 0;
    std::uint64_t length = 0;
};
struct m {
    Address address = 0;
    std::uint64_t length = 0;
    std::uint64_t space = kDefaultSpace;
};
struct M {
    Address address = 0;
    std::string_view hex;  // as many bytes as the packet's length field says
};
struct x {
    Address address = 0;
    std::uint64_t length = 0;
    std::uint64_t space = kDefaultSpace;
};
struct X {
    Address address = 0;
    std::string_view data;  // as many bytes as the packet's length field says
};
// LLDB's: several ranges at once.
struct MultiMemRead {
    std::vector<MemoryRange> ranges;  // at least one
};
struct qSearch_memory {
    Address address = 0;
    std::uint64_t length = 0;
    std::string_view pattern;  // never empty
};
struct qCRC {
    Address address = 0;
    std::uint64_t length = 0;
};

// `ADDR,LEN[;thread:T][;address_space:N;]`
std::optional<m> parse_m(Cursor args);
std::optional<M> parse_M(Cursor args);
std::optional<x> parse_x(Cursor args);
std::optional<X> parse_X(Cursor args);
// `:ranges:ADDR,LEN[,ADDR,LEN...];`
std::optional<MultiMemRead> parse_MultiMemRead(Cursor args);
std::optional<qSearch_memory> parse_qSearch_memory(Cursor args);
std::optional<qCRC> parse_qCRC(Cursor args);

}  // namespace ringside::gdbstub::packet
