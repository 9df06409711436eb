// TF set in user code's own RFLAGS, on a host whose KVM does not single-step at CPL 3 (user_frame.h).
#pragma once

#include "vmm/debug/run_control/exit_registers.h"

namespace ringside::debug {

class UserTrapFlag {
  public:
    bool is_set() const { return set_; }
    // A TF that the user code has set itself serves as well, and stays.
    Result<void> set(ExitRegisters& at) {
        if (at.trap_flag())
            return {};
        at.set_trap_flag();
        TRY(at.store_general());
        set_ = true;
        return {};
    }
    // In the registers only: the caller stores them.
    void clear(ExitRegisters& at) {
        if (set_)
            at.clear_trap_flag();
        set_ = false;
    }

  private:
    bool set_ = false;
};

}  // namespace ringside::debug
