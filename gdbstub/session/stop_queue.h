// Stops in non-stop mode that the client has not acknowledged. The notification `%Stop` reports one, and `vStopped`
// acknowledges it and asks for the next. (GDB manual, "Notification Packets" and "Remote Non-Stop".)
#pragma once

#include <algorithm>
#include <deque>
#include <utility>
#include <vector>

#include "gdbstub/target.h"

namespace ringside::gdbstub {

class StopQueue {
  public:
    void push(StopEvent event) { stops_.push_back(std::move(event)); }
    void clear() {
        stops_.clear();
        sent_ = false;
    }

    // The stop to be sent next; nullptr if there is none, or the client has not acknowledged the last.
    const StopEvent* to_send() {
        if (sent_ || stops_.empty())
            return nullptr;
        sent_ = true;
        return &stops_.front();
    }
    // The client has acknowledged the one that was sent.
    void acknowledge() {
        if (std::exchange(sent_, false))
            stops_.pop_front();
    }
    // Returns true if the client has not acknowledged a stop of this thread.
    bool has(ThreadId thread) const {
        return std::ranges::any_of(stops_, [thread](const StopEvent& e) { return e.thread == thread; });
    }

  private:
    std::deque<StopEvent> stops_;
    bool sent_ = false;  // the first one
};

}  // namespace ringside::gdbstub
