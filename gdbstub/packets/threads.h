// Packets about threads.
#pragma once

#include <optional>

#include "gdbstub/cursor.h"
#include "gdbstub/thread_selector.h"

namespace ringside::gdbstub::packet {

struct H {
    enum class Use { General, Continue };  // `Hg`: the packets that follow; `Hc`: the old c, s, C, S
    Use use = Use::General;
    ThreadSelector thread;
};
struct T {
    ThreadSelector thread;
};
struct qC {};
struct qfThreadInfo {};
struct qsThreadInfo {};
struct qThreadExtraInfo {
    ThreadSelector thread;
};

std::optional<H> parse_H(Cursor args);
std::optional<T> parse_T(Cursor args);
std::optional<qThreadExtraInfo> parse_qThreadExtraInfo(Cursor args);

}  // namespace ringside::gdbstub::packet
