"""Faults that matter in the debugger's core: the right text of a place, and a wrong one for it.

Both texts are whole statements, or both are an expression: all faults are compiled at once, and the environment chooses one when
the tests run (see plant()).
"""

import dataclasses
from collections.abc import Callable, Iterable

_CONTROL = "vmm/debug/run_control/"


@dataclasses.dataclass(frozen=True)
class Fault:
    name: str
    path: str
    right: str  # found once in the file
    wrong: str

    def planted(self, number: int) -> str:
        """The text for both: the wrong one is executed if the fault with this number is chosen."""
        if self.right.endswith(";"):
            return f"{{ if (::fault_is({number})) {{ {self.wrong} }} else {{ {self.right} }} }}"
        return f"(::fault_is({number}) ? ({self.wrong}) : ({self.right}))"


FAULTS = (
    Fault("an int3 stays out after its step", _CONTROL + "step_off.cpp",
          "table_.planted().put_back(*lifted);",
          ""),
    Fault("protected pages stay open after the step of a write", _CONTROL + "step_off.cpp",
          "guard->close();",
          ""),
    Fault("a write to a protected page is tried again without a step", _CONTROL + "guarded_run.cpp",
          "return begun ? Next::Arm : Next::Nothing;",
          "return Next::Nothing;"),
    Fault("the frame of an interrupt is stepped like a write to a protected page", _CONTROL + "guarded_run.cpp",
          "return std::string(\"interrupts and exceptions use their pages as a stack\");",
          "return std::string();"),
    Fault("a mapping that has moved is not noticed", _CONTROL + "page_guard.cpp",
          "now && *now != place.gpa",
          "false"),
    Fault("the other vCPUs stay suspended after a step off", _CONTROL + "step_off.cpp",
          "coordinator_.resume_others();",
          ""),
    Fault("a step off does not lift the int3", _CONTROL + "step_off.cpp",
          "table_.planted().lift(breakpoint.gpa);",
          ""),
    Fault("a breakpoint whose condition is false is not stepped off", _CONTROL + "breakpoint_pass.cpp",
          "return step_off_.begin(to_lift(breakpoint)) ? Next::Arm : Next::Nothing;",
          "return Next::Nothing;"),
    Fault("a slot of the guest's is taken for the debugger's step", _CONTROL + "debug_exit_cause.cpp",
          "cause.guest_slots != 0 && !cause.stepped",
          "false"),
    Fault("interrupts come while a planted instruction is out of memory", _CONTROL + "entry_needs.cpp",
          "(client_steps || recording_.blocks_interrupts() || step_off_.active())",
          "(client_steps || recording_.blocks_interrupts())"),
    Fault("a breakpoint is passed in software in the middle of a step", _CONTROL + "breakpoint_pass.cpp",
          "needs_.must_step()",
          "false"),
    Fault("a hit is not counted", _CONTROL + "hit_filter.cpp",
          "++breakpoint.hits;\n    traced_.on_hit(breakpoint);",
          "traced_.on_hit(breakpoint);"),
    Fault("of two steps that end at once, the second is lost", _CONTROL + "stop_coordinator.cpp",
          "pending_[vcpu.value] = std::move(event);",
          "pending_[vcpu.value].reset();"),
    Fault("in non-stop mode a stop is announced at each time that its vCPU parks", _CONTROL + "non_stop.cpp",
          "return stop && !std::exchange(stop->announced, true);",
          "return stop.has_value();"),
    Fault("a vCPU that is parked for an answer does not tell that it has been asked to stop", _CONTROL + "non_stop.cpp",
          "return parking_.parked(vcpu) && announces_locked(vcpu);",
          "return false;"),
    Fault("conditions are ignored", _CONTROL + "hit_filter.cpp",
          "!request.conditions.empty()",
          "false"),
    Fault("another address space's breakpoint stops", _CONTROL + "hit_filter.cpp",
          "if (!is_meant_here(breakpoint))\n        return false;",
          ""),
    Fault("a dead vCPU runs again", _CONTROL + "stop_report.cpp",
          "send(gdbstub::StoppedBySignal{gdbstub::Signal::Segv, false}, *why);\n        return false;",
          "send(gdbstub::StoppedBySignal{gdbstub::Signal::Segv, false}, *why);"),
    Fault("the registers of a failure are taken for the stop's", _CONTROL + "stop_report.cpp",
          "report(gdbstub::StoppedBySignal{gdbstub::Signal::Abort, false}, error.message() + \"\\n\");\n    phase_ = Nothing{};",
          "report(gdbstub::StoppedBySignal{gdbstub::Signal::Abort, false}, error.message() + \"\\n\");"),
    Fault("the breakpoint of another slot is reported", _CONTROL + "slot_hit.cpp",
          "return {.breakpoint = plan.owner[slot], .use = SlotUse::Plan};",
          "return {.breakpoint = plan.owner[(slot + 1) % x86::kDebugSlots], .use = SlotUse::Plan};"),
    Fault("the guest is given the number of the debugger's slot", "vmm/debug/breakpoints/guest_slots.cpp",
          "mask |= 1U << setup.guest_slot[slot];",
          "mask |= 1U << slot;"),
    Fault("int3s are left at detach", "vmm/debug/target/debugged_machine.cpp",
          "table_.remove_abandoned(*token_);",
          ""),
    Fault("RF is not set over the guest's own breakpoint", _CONTROL + "guest_traps.cpp",
          "at_.general.rflags |= x86::rflags::kRf;",
          ""),
    Fault("PUSHF shows TF", _CONTROL + "step_engine.cpp",
          "(void)find_trap_flag(view_, at_.system, x86::linear_sp(at_.general, at_.system));",
          "(void)view_;"),
    Fault("the guest's own single-step trap is swallowed", _CONTROL + "step_engine.cpp",
          "return owed;",
          "return false;"),
    Fault("the guest's own TF is lost when a step ends", _CONTROL + "guest_traps.cpp",
          "at_.set_trap_flag();",
          ""),
    Fault("an early trap counts as a step", _CONTROL + "step_engine.cpp",
          "return self_jump_ == x86::SelfJump::No || early_traps_++ < kMostEarlyTraps;",
          "return false;"),
    Fault("a repeated trap goes to the guest", _CONTROL + "step_engine.cpp",
          "stepped_to_ == at_.general.rip",
          "stepped_to_ == at_.general.rip + 1"),
    Fault("interrupts come during a client's step", _CONTROL + "entry_arming.cpp",
          "setup.block_interrupts();",
          "(void)setup;"),
    Fault("plan slots are not armed during a step off", _CONTROL + "entry_arming.cpp",
          "setup.leave_out_execution_at(at_.pc());",
          "setup = SlotSetup{};"),
    Fault("the slot at RIP is armed during its own step off", _CONTROL + "entry_arming.cpp",
          "setup.leave_out_execution_at(at_.pc());",
          "(void)setup;"),
    Fault("a parked step leaves TF on the stack", _CONTROL + "step_engine.cpp",
          "(void)note_interrupt();",
          ""),
    Fault("a stop does not suspend the other vCPUs", _CONTROL + "stop_coordinator.cpp",
          "for (std::uint32_t i = 0; i < parking_.count(); ++i)\n        parking_.suspend(VcpuIndex{i});",
          ""),
    Fault("the stop token is kept while the guest runs", "vmm/debug/target/debugged_machine.cpp",
          "if (holds_ == 0)\n        end_stop();",
          ""),
    Fault("exits while parking are not recorded", "vmm/machine/vcpu_thread.cpp",
          "finish(record);",
          "handle_exit(record);"),
    Fault("the last exit is not finished before a vCPU parks", "vmm/machine/vcpu_thread.cpp",
          "finish_exit();",
          ""),
    Fault("the guest's int3 under the debugger's is taken for the debugger's", _CONTROL + "step_off.cpp",
          "return lifted ? nullptr : breakpoint;",
          "return breakpoint;"),
    Fault("a range step ends at its first instruction", _CONTROL + "client_action.cpp",
          "rip < range->start || rip >= range->end",
          "rip != range->end"),
    Fault("a place that was found not to stop the vCPU is evaluated again", _CONTROL + "vcpu_stops.cpp",
          "return passed_ == at_.general.rip ? std::nullopt : here(plan);",
          "return here(plan);"),
    Fault("a vCPU that is halted executes the HLT behind it", _CONTROL + "step_engine.cpp",
          "return !activity || *activity != kvm::Activity::Halted;",
          "return true;"),
    Fault("an NMI is lost when an exception is dropped", "vmm/kvm/vcpu_events.cpp",
          "events.flags &= ~static_cast<std::uint32_t>(KVM_VCPUEVENT_VALID_NMI_PENDING);",
          ""),
    Fault("a client that has attached before the last one's stop is forgotten", "vmm/debug/target/client_presence.cpp",
          "attached_ = std::exchange(next_waits_, false);",
          "attached_ = next_waits_ = false;"),
)


SWITCH = "chosen_fault.h"
_SWITCH_TEXT = """#pragma once
#include <cstdlib>
inline bool fault_is(int number) {
    static const int chosen = [] {
        const char* text = std::getenv("RINGSIDE_FAULT");
        return text ? std::atoi(text) : 0;
    }();
    return number == chosen;
}
"""


def plant(faults: Iterable[Fault], read: Callable[[str], str]) -> dict[str, str]:
    """The files that change, and what they become. RINGSIDE_FAULT chooses a fault by its place in the list, from 1 on.

    Raises ValueError where a fault's place is not there once.
    """
    planted = {SWITCH: _SWITCH_TEXT}
    for number, fault in enumerate(faults, 1):
        text = read(fault.path)
        if text.count(fault.right) != 1:
            raise ValueError(f"{fault.name}: {fault.path} has its place {text.count(fault.right)} times")
        so_far = planted.get(fault.path, f'#include "{SWITCH}"\n{text}')
        planted[fault.path] = so_far.replace(fault.right, fault.planted(number), 1)
    return planted
