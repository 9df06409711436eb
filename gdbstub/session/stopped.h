// Which capabilities may be used when, expressed as types.
//
// Registers, memory and breakpoints are reached only through a Stopped, and a handler gets one only while the
// session's state holds it: code that accesses registers while the guest runs does not compile.
#pragma once

#include "gdbstub/target.h"

namespace ringside::gdbstub {

class Stopped {
  public:
    Registers& registers() const { return target_->registers; }
    Memory& memory() const { return target_->memory; }
    Breakpoints* breakpoints() const { return target_->breakpoints; }
    Stepping* stepping() const { return target_->stepping; }
    Reverse* reverse() const { return target_->reverse; }
    Monitor* monitor() const { return target_->monitor; }
    Threads& threads() const { return target_->threads; }
    Documents* documents() const { return target_->documents; }

  private:
    friend class TargetGate;
    explicit Stopped(Target& target) : target_(&target) {}
    Target* target_;
};

// The session's access to its target: what is allowed at any time, and how to get a Stopped.
class TargetGate {
  public:
    explicit TargetGate(Target& target) : target_(target) {}

    Execution& execution() const { return target_.execution; }
    const std::string& triple() const { return target_.triple; }
    std::uint32_t address_bytes() const { return target_.address_bytes; }
    std::optional<Address> first_segment() const { return target_.first_segment; }
    std::optional<Address> load_offset() const { return target_.load_offset; }
    const Documents* documents() const { return target_.documents; }
    const Breakpoints* breakpoints() const { return target_.breakpoints; }
    const Stepping* stepping() const { return target_.stepping; }
    const Reverse* reverse() const { return target_.reverse; }
    NonStop* non_stop() const { return target_.non_stop; }
    Tracepoints* tracepoints() const { return target_.tracepoints; }
    Restart* restart() const { return target_.restart; }
    const Registers& register_layout() const { return target_.registers; }

    // To be called only by the session's state machine, when it has seen the target stop or holds it.
    Stopped stopped() const { return Stopped(target_); }

    // Keeps the threads of a target in non-stop mode from running.
    class Hold {
      public:
        explicit Hold(const TargetGate& gate) : non_stop_(gate.non_stop()) {
            if (non_stop_ != nullptr)
                non_stop_->hold();
        }
        ~Hold() {
            if (non_stop_ != nullptr)
                non_stop_->release();
        }
        Hold(const Hold&) = delete;
        Hold& operator=(const Hold&) = delete;

      private:
        NonStop* non_stop_;
    };

  private:
    Target& target_;
};

}  // namespace ringside::gdbstub
