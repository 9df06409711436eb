#include "gdbstub/thread_selector.h"

namespace ringside::gdbstub {
namespace {

std::optional<ThreadSelector> take_thread_number(Cursor& cursor) {
    if (cursor.take("-1"))
        return ThreadSelector{ThreadSelector::Kind::All, {}};
    const auto number = cursor.take_hex32();
    if (!number)
        return std::nullopt;
    if (*number == 0)
        return ThreadSelector{ThreadSelector::Kind::Any, {}};
    return ThreadSelector{ThreadSelector::Kind::One, ThreadId{*number}};
}

}  // namespace

std::optional<ThreadSelector> take_thread(Cursor& cursor) {
    if (!cursor.take('p'))
        return take_thread_number(cursor);
    if (!cursor.take("-1")) {
        const auto process = cursor.take_hex32();
        if (!process || *process > kProcessId)
            return std::nullopt;
    }
    if (!cursor.take('.'))
        return ThreadSelector{ThreadSelector::Kind::All, {}};
    return take_thread_number(cursor);
}

std::optional<ThreadSuffix> take_thread_suffix(Cursor& cursor) {
    ThreadSuffix suffix;
    cursor.take(';');
    if (cursor.take("thread:")) {
        suffix.thread = take_thread(cursor);
        cursor.take(';');
        if (!suffix.thread)
            return std::nullopt;
    }
    if (!cursor.at_end())
        return std::nullopt;
    return suffix;
}

void write_thread(ReplyWriter::Frame& frame, ThreadId id, bool multiprocess) {
    if (multiprocess)
        frame.text("p").hex_number(kProcessId).text(".");
    frame.hex_number(id.value);
}

}  // namespace ringside::gdbstub
