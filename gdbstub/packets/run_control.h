// Packets that resume, stop, attach to, leave or end the target.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "gdbstub/cursor.h"
#include "gdbstub/target.h"
#include "gdbstub/thread_selector.h"

namespace ringside::gdbstub::packet {

struct QuestionMark {};  // `?`

// `vCont;s:p1.1;c`: actions, each for the threads that it names. The text is checked when it is parsed and
// read again for each thread, so that no list has to be built.
struct vCont {
    std::string_view actions;

    struct Stop {};  // `t`
    using Action = std::variant<Stop, Continue, Step, RangeStep>;
    // The leftmost action that matches the thread; nullopt leaves the thread as it is.
    std::optional<Action> action_for(ThreadId thread) const;
};
struct vCont_query {};  // `vCont?`
struct vCtrlC {};

// The old packets, for the thread that Hc chose; with an address, execution continues there.
struct c {
    std::optional<Address> address;
};
struct C {
    Signal signal = Signal::None;
    std::optional<Address> address;
};
struct s {
    std::optional<Address> address;
};
struct S {
    Signal signal = Signal::None;
    std::optional<Address> address;
};

// Back by one step, and back to a stop, of the thread that Hc chose. vCont has no such action.
struct bs {};
struct bc {};

struct D {};
struct k {};
struct vKill {};
struct vAttach {};
// `vRun;FILE;ARGUMENT...`, each in hexadecimal. The text is checked when it is parsed.
struct vRun {
    std::string_view text;

    Restart::Wanted wanted() const;
};
struct R {};  // the same in old clients, without arguments
struct QNonStop {
    bool on = false;
};
struct vStopped {};  // in non-stop mode: the client has received a stop, and asks for the next

std::optional<vCont> parse_vCont(Cursor args);
std::optional<c> parse_c(Cursor args);
std::optional<C> parse_C(Cursor args);
std::optional<s> parse_s(Cursor args);
std::optional<S> parse_S(Cursor args);
std::optional<D> parse_D(Cursor args);
std::optional<vKill> parse_vKill(Cursor args);
std::optional<vAttach> parse_vAttach(Cursor args);
std::optional<vRun> parse_vRun(Cursor args);
std::optional<R> parse_R(Cursor args);
std::optional<QNonStop> parse_QNonStop(Cursor args);

}  // namespace ringside::gdbstub::packet
