// What the debuggers of all vCPUs share, and where they report.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "arch/x86_64/registers.h"
#include "vmm/debug/breakpoints/breakpoint_table.h"
#include "vmm/debug/guest/guest_view.h"
#include "vmm/debug/host/exit_trap.h"
#include "vmm/debug/run_control/guest_stops.h"
#include "vmm/debug/run_control/handler_watch.h"
#include "vmm/debug/run_control/hit_tracer.h"
#include "vmm/debug/run_control/page_guard.h"
#include "vmm/debug/run_control/state_watch.h"
#include "vmm/debug/run_control/stop_coordinator.h"
#include "vmm/debug/run_control/turns.h"
#include "vmm/history/recorder.h"

namespace ringside::debug {

// What a vCPU's debugger reports in addition to stops; on the vCPU's thread.
class VcpuEvents {
  public:
    virtual ~VcpuEvents() = default;
    // The vCPU can never be entered again. Called before the stop is reported.
    virtual void on_dead(VcpuIndex, machine::FatalExit, const std::string& report) = 0;
    // There are too few debug slots for the guest's own and the debugger's.
    virtual void on_slots_short(VcpuIndex) = 0;
    // An instruction was executed on KVM's behalf; called only for the first one.
    virtual void on_completed(VcpuIndex) = 0;
    // Protection of pages has ended, and their watchpoints are watched by stepping.
    virtual void on_guard_ended(VcpuIndex, const std::string& why) = 0;
    // A breakpoint's commands have printed something.
    virtual void on_printed(VcpuIndex, const std::string& text) = 0;
};

struct DebugContext {
    BreakpointTable& table;
    const GuestView& view;
    StopCoordinator& coordinator;
    const x86::RegisterFile& registers;  // for registers that conditions name
    VcpuEvents& events;
    HostAbilities abilities = {};
    std::function<std::unique_ptr<ExitTrap>()> new_exit_trap = make_perf_exit_trap;
    history::Recorder* recorder = nullptr;
    Turns* turns = nullptr;
    HitTracer* tracer = nullptr;
    PageGuard* guard = nullptr;
    GuestStops guest_stops = {};  // where the guest itself may ask to stop
    HandlerWatch handlers = {};
    StateWatch states = {};
    bool block_interrupts = true;  // during a client's step, if the host can do that
};

}  // namespace ringside::debug
