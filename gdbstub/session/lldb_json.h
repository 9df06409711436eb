// The JSON in LLDB's packets.
#pragma once

#include <string>

#include <nlohmann/json.hpp>

#include "gdbstub/session/stop_words.h"

namespace ringside::gdbstub {

// A thread and its stop reason, as in `jstopinfo` and jThreadsInfo.
inline nlohmann::json lldb_thread_stop(const StopEvent& event) {
    nlohmann::json thread = {{"tid", event.thread.value},
                             {"reason", lldb_reason(event.reason)},
                             {"signal", static_cast<int>(stop_signal(event.reason))}};
    // LLDB reads the watched address from the description.
    if (const auto* watchpoint = std::get_if<StoppedByWatchpoint>(&event.reason))
        thread["description"] = std::to_string(watchpoint->address);
    return thread;
}

// Names come from outside: bytes that are not UTF-8 are replaced and do not throw.
inline std::string dump_json(const nlohmann::json& json) {
    return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace ringside::gdbstub
