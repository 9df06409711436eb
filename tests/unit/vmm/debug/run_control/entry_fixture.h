// A vCPU that is about to be entered: what arms it, without the rest of its debugger.
#pragma once

#include "tests/unit/vmm/debug/run_control/vcpu_debugger_fixture.h"
#include "vmm/debug/run_control/entry_arming.h"

namespace ringside::debug {

class EntryTest : public VcpuDebuggerTest {
  public:
    EntryTest()
        : arming(*vcpu, *context, at, needs, step, step_off, recording),
          needs(VcpuIndex{0}, *context, arming.own(), stops, recording, step_off) {
        at.general = vcpu->registers;
        at.system = guest.state.system;
    }

    using VcpuDebuggerTest::context;
    ExitRegisters at{*vcpu};
    VcpuStops stops{*vcpu, *context, at};
    RecordedRun recording{VcpuIndex{0}, *context, at};
    StepEngine step{*vcpu, at, view, context->abilities};
    StepOff step_off{VcpuIndex{0}, table, *coordinator};
    EntryArming arming;
    EntryNeeds needs;
};

}  // namespace ringside::debug
