// The debugger's interface to the program that owns it.
#pragma once

#include <functional>
#include <string>

#include "gdbstub/target.h"
#include "vmm/machine/machine.h"

namespace ringside::debug {

// All but post(), on_exit(), on_console() and on_printed() are called on the server's thread.
class DebuggerOwner {
  public:
    virtual ~DebuggerOwner() = default;

    // Runs a function on the server's thread; from any thread.
    virtual void post(std::function<void()> work) = 0;
    // Each exit while a vCPU's watch_exits() is on; on the vCPU's thread.
    virtual void on_exit(machine::VcpuThread&, const exits::ExitRecord&) {}

    // Text for the client's user.
    virtual void on_console(const std::string&) {}
    // Output of a breakpoint's commands, which goes elsewhere if there is no client.
    virtual void on_printed(const std::string& text) { on_console(text); }

    // Adds to what is shown with a stop of a vCPU, before any client has it. Every vCPU is parked.
    virtual void describe(gdbstub::StopEvent&) {}
    virtual void on_stop(const gdbstub::StopEvent&) {}
    // The client asks about threads: it shows the stop to its user. gdb does not ask at internal stops,
    // between the steps of one command.
    virtual void on_stop_shown() {}
    // The client resumes the guest, which is still stopped.
    virtual void on_resume() {}
    // The client has left: nothing that it set remains in the stopped guest.
    virtual void on_client_gone() {}
    // One line for the user.
    virtual void on_notice(const std::string&) {}
    // Prepares a restart of the machine: reads the kernel again, and creates a VM with it. On an error, and
    // until restart(), the machine stays as it is. `wanted` is the client's request: its arguments, if it has any, are
    // the kernel's new command line. Without a request or arguments, the kernel gets the command line of the run's start.
    virtual Result<void> prepare_restart(const std::optional<gdbstub::Restart::Wanted>& /*wanted*/) {
        return failure("restart", "this machine cannot restart");
    }
    // Completes it: every vCPU is at its first instruction, and every device as at the start of the run.
    virtual void restart(const machine::StopToken&) {}
    // Returns true if a file that the machine was loaded from is not as it was then.
    virtual bool files_changed() const { return false; }
    // The machine cannot restart, and is as it was; `why` is a line.
    virtual void on_restart_failed(const std::string& /*why*/) {}
    // The run is over: the client has ended the machine, or has left and OnDisconnect::Quit applies.
    virtual void on_quit() {}
    // A vCPU is dead and no client is attached.
    virtual void on_unattended_fatal(machine::FatalExit, const std::string& report) = 0;
    // The guest has crashed with no client attached. It stays stopped, so that one can go back.
    virtual void on_crash_kept(const std::string&) {}
    // Every vCPU is stopped and has never run. Returns false if the guest is not to run at all.
    virtual bool on_first_stop() { return true; }
    // The recording that was to begin with the guest cannot be made.
    virtual void on_recording_failed(const Error&) {}
    // The guest has ended itself, and no client looks at it any more.
    virtual void on_guest_end(const machine::GuestEnd&) {}
    // The client has left after the guest's end; it might have restarted the guest.
    virtual void on_ended_and_left() {}
    // The guest's kernel has panicked; with or without a client.
    virtual void on_panic(bool attended) = 0;
};

}  // namespace ringside::debug
