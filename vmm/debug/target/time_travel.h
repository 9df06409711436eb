// Recording the guest, and going back and forward in what was recorded: gdbstub's Reverse, and what `monitor record` does.
//
// Threading: the server's thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "gdbstub/target.h"
#include "vmm/debug/travel/traveller.h"
#include "vmm/history/recorder.h"

namespace ringside::debug {

class Debugger;
class DebuggerOwner;

class TimeTravel final : public gdbstub::Reverse {
  public:
    static constexpr std::size_t kDefaultSize = std::size_t{64} << 20;
    // What a user who records several vCPUs should know.
    static constexpr const char* kOneAtATime =
        "Recording runs the vCPUs one at a time, in turns of at most 1024 steps: a race between them shows "
        "only if it crosses the end of a turn";

    TimeTravel(Debugger& debugger, DebuggerOwner& owner);

    history::Recorder& recorder() { return recorder_; }
    const history::Recorder& recorder() const { return recorder_; }

    // Both only while the guest is stopped.
    Result<void> record(std::size_t size);
    Result<void> stop_recording();

    // Several vCPUs are recorded, one at a time.
    bool takes_turns() const;
    // The guest is shown as it was.
    bool in_past() const { return recorder_.active() && !recorder_.history().at_end(); }
    // The history of a guest that is stopped, or the reason why it cannot be asked.
    Result<history::History*> stopped_history();
    // To any position of it.
    Result<void> go_to(std::uint64_t position);
    // On the way, which is to the client as if the guest ran.
    bool travelling() const { return travelling_; }
    void interrupt() { interrupted_ = true; }

    // gdbstub::Reverse
    gdbstub::Result<void> go_back(gdbstub::ThreadId, bool one_step) override;
    // Forward in the past.
    gdbstub::Result<void> go_forward(std::span<const gdbstub::ThreadResume>);
    // The guest is about to run from here.
    Result<void> before_running() { return recorder_.active() ? recorder_.leave_past() : Result<void>{}; }
    // The client has written registers or memory.
    void edited();
    // The client has left: back to the present. Unless `keep`, nothing is recorded any more.
    void client_left(bool keep);
    // The machine restarts: nothing is recorded any more. Returns true if something was.
    bool drop(const machine::StopToken&);

  private:
    void begin(Direction direction, gdbstub::ThreadId thread, const gdbstub::ResumeAction& action);
    void go_on();
    void arrive(gdbstub::ThreadId thread, gdbstub::StopReason reason, std::string console);
    void fail(const std::string& why);
    Result<void> put_or_return();

    Debugger& debugger_;
    DebuggerOwner& owner_;
    history::Recorder recorder_;
    Traveller traveller_;
    gdbstub::ThreadId thread_;  // whose journey it is
    std::vector<gdbstub::ThreadResume> wanted_;
    bool travelling_ = false;
    bool interrupted_ = false;
};

}  // namespace ringside::debug
