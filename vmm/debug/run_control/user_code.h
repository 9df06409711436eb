// Debug exceptions of user code on a host whose KVM does not report them (user_frame.h): the slots on the guest's
// handlers that catch them, and TF set in user code's own RFLAGS.
#pragma once

#include "vmm/debug/breakpoints/slot_setup.h"
#include "vmm/debug/host/host_abilities.h"
#include "vmm/debug/run_control/exit_registers.h"
#include "vmm/debug/run_control/step_off.h"

namespace ringside::debug {

class UserCode {
  public:
    UserCode(ExitRegisters& at, const GuestView& view, const HostAbilities& abilities,
             const StepOff& step_off)
        : at_(at), view_(view), abilities_(abilities), step_off_(step_off) {}

    // Returns true if the vCPU is at CPL 3 and KVM does not step there.
    bool unstepped_here() const { return !abilities_.step_user && at_.in_user_mode(); }
    // Returns true if TF was set in user code, and has not been seen to be clear.
    bool trap_flag_set() const { return trap_flag_set_; }

    // Adds the handlers that user code's int3s lead to, if there are `int3s`, and the handler for a TF that is still
    // set in some saved RFLAGS, unless the step that is being armed adds it.
    void add_handlers(SlotSetup& setup, bool int3s, bool steps) const;
    // Steps at CPL 3: sets TF, and a slot on the handler of the #DB that it leads to. If the user code has set TF
    // itself, that TF is used, and stays. Does nothing if the guest has no such handler.
    Result<void> add_step(SlotSetup& setup);
    // Clears TF in RFLAGS if the vCPU is still in user code: it parks.
    Result<void> take_trap_flag();

    // What led to a handler, if it is the debugger's: TF, which has stepped an instruction, or a planted int3.
    struct Cause {
        bool stepped = false;
        Breakpoint* breakpoint = nullptr;
    };
    // A slot that add_handlers() or add_step() has set has hit. Undoes the delivery if the cause is the debugger's.
    Result<Cause> undo_delivery(SlotUse handler);

  private:
    Result<Cause> undo_debug();
    Result<Cause> undo_int3(bool has_error_code);
    std::optional<Gva> debug_handler() const;
    Result<void> return_to_user_code();
    void clear_trap_flag();

    ExitRegisters& at_;
    const GuestView& view_;
    const HostAbilities& abilities_;
    const StepOff& step_off_;
    bool trap_flag_set_ = false;
};

}  // namespace ringside::debug
