// Thread ids as packets write them: "1f", "p1.1f" (process 1, thread 0x1f), "0" for any, "-1" for all.
// There is one process, number 1. (LLDB uses plain thread ids, and another number: see session/session_lldb.cpp.)
#pragma once

#include <optional>

#include "gdbstub/cursor.h"
#include "gdbstub/reply_writer.h"
#include "gdbstub/target.h"

namespace ringside::gdbstub {

inline constexpr std::uint32_t kProcessId = 1;

struct ThreadSelector {
    enum class Kind { One, Any, All };
    Kind kind = Kind::Any;
    ThreadId thread;  // for One

    bool matches(ThreadId id) const { return kind != Kind::One || id == thread; }
};

// nullopt for bad syntax, and for any process but number 1.
std::optional<ThreadSelector> take_thread(Cursor& cursor);

// LLDB appends ";thread:1;" to register packets: consumes it, and requires that the text ends after it.
struct ThreadSuffix {
    std::optional<ThreadSelector> thread;  // none: the thread chosen with Hg
};
std::optional<ThreadSuffix> take_thread_suffix(Cursor& cursor);

void write_thread(ReplyWriter::Frame& frame, ThreadId id, bool multiprocess);

}  // namespace ringside::gdbstub
