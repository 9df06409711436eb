#include "vmm/debug/run_control/traced_run.h"

#include "arch/x86_64/control_bits.h"

namespace ringside::debug {

void TracedRun::on_hit(const Breakpoint& breakpoint) {
    if (!breakpoint.traced || context_.tracer == nullptr)
        return;
    Place here{context_.tracer->experiment(), at_.general};
    here.general.rflags &= ~(x86::rflags::kRf | x86::rflags::kTf);  // which debuggers set
    if (collected_ == here)
        return;
    collected_ = here;
    context_.tracer->on_hit(breakpoint.request.address, state(), steps_);
}

void TracedRun::after_step() {
    collected_.reset();
    if (!steps_.empty())
        context_.tracer->on_step(state(), steps_);
}

}  // namespace ringside::debug
