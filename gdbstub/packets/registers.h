// Register packets. As everywhere in packets/: a struct is named after its packet, its views point into the
// payload from which it was parsed, and a parser gets what follows the packet's name.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "gdbstub/cursor.h"
#include "gdbstub/thread_selector.h"

namespace ringside::gdbstub::packet {

struct g {
    ThreadSuffix suffix;
};
struct G {
    std::string_view hex;
    ThreadSuffix suffix;
};
struct p {
    std::uint32_t regno = 0;
    ThreadSuffix suffix;
};
struct P {
    std::uint32_t regno = 0;
    std::string_view hex;
    ThreadSuffix suffix;
};
struct QSaveRegisterState {
    ThreadSuffix suffix;
};
struct QRestoreRegisterState {
    std::uint32_t id = 0;
    ThreadSuffix suffix;
};

std::optional<g> parse_g(Cursor args);
std::optional<G> parse_G(Cursor args);
std::optional<p> parse_p(Cursor args);
std::optional<P> parse_P(Cursor args);
std::optional<QSaveRegisterState> parse_QSaveRegisterState(Cursor args);
std::optional<QRestoreRegisterState> parse_QRestoreRegisterState(Cursor args);

}  // namespace ringside::gdbstub::packet
