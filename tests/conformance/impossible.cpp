#include "tests/conformance/impossible.h"

#include <algorithm>

namespace ringside::conformance {

namespace {

constexpr std::string_view kPvm = "kvm_pvm";
constexpr std::string_view kTcg = "kvm_amd in TCG";

// kvm_pvm runs CPL 0 in its instruction emulator and CPL 3 on the processor.
constexpr std::string_view kNoUser = "KVM_SET_GUEST_DEBUG has no effect on code at CPL 3";
constexpr std::string_view kNoInt = "KVM cannot emulate INT n outside real mode";
constexpr std::string_view kNoUserInt = "KVM supports neither INT n nor debugging at CPL 3";
constexpr std::string_view kNoIret32 = "KVM cannot emulate a 32-bit IRET";
constexpr std::string_view kNoHandler32 =
    "the guest's handler ends with a 32-bit IRET, which KVM cannot emulate";
constexpr std::string_view kHalfSyscall = "after SYSCALL, the entry still runs at CPL 3";
constexpr std::string_view kNoOwnData =
    "the guest's own data breakpoints never fire, with or without a debugger";
constexpr std::string_view kNoRealLimit =
    "the emulator does not check the IDT limit in real mode, so there is no triple fault";

// QEMU 7.2's SVM reports neither int3 nor debug slots: software breakpoints are HLTs or undefined instructions, whose exits
// are caught, and hardware breakpoints on low addresses are implemented by stepping.
constexpr std::string_view kStepTakesTrap =
    "hardware breakpoints are implemented by TF here, which conflicts with the guest's own TF";
constexpr std::string_view kStepAfterSti = "TCG traps after the instruction that follows STI, not before it";
constexpr std::string_view kStepAfterInt =
    "without slots a step over INT n ends one instruction after its handler's IRET";

constexpr std::string_view kHltInUserCode =
    "the breakpoint is set before it is known that user code will run there, so it is an HLT, which raises "
    "#GP at CPL 3";
constexpr std::string_view kStepOverSysret =
    "SYSRET loads TF from R11, so without slots a step over it does not end until TF is set again";

constexpr std::string_view kOwnDataUnderStepping =
    "QEMU's SVM sets data breakpoints only at a MOV DR, and KVM intercepts the guest's MOV DR while the "
    "guest "
    "is stepped";

// In the other modes a few instructions lie between the MOV and the breakpoint, and it is reported.
constexpr std::string_view kOwnExecuteAfterMov =
    "QEMU's SVM reports the guest's own execution breakpoints only with the trap of a step that it has done "
    "itself, and KVM finishes the step of the MOV DR7 right before this one";

constexpr Impossible kImpossible[] = {
    {kPvm, "breakpoint.software/cpl3", kNoUser, "the guest's exit with status 35 instead of a hit"},
    {kPvm, "breakpoint.hardware/cpl3", kNoUser, "the guest's exit with status 33 instead of a hit"},
    {kPvm, "step.plain/cpl3", kNoUser, "on the way to user_break_code: the guest's exit with status 35"},
    {kPvm, "step.syscall/cpl3", kNoUser, "on the way to syscall_site: the guest's exit with status 35"},
    {kPvm, "step.iret_to_cpl3/long", kNoUser, "the guest is at interrupt_stubs+"},
    {kPvm, "step.int/cpl3", kNoUserInt, "on the way to user_int_site: the guest's exit with status 35"},
    {kPvm, "step.sysret/long", kHalfSyscall, "on the way to sysret_site: the guest's exit with status 35"},
    {kPvm, "registers.msr_in_use/long", kHalfSyscall, "the number of failures in `results` is 0x1, not 0x0"},
    {kPvm, "step.int/protected", kNoInt, "a step ended in signal 4"},
    {kPvm, "step.int/long", kNoInt, "a step ended in signal 4"},
    {kPvm, "step.iret/protected", kNoIret32, "a step ended in signal 4"},
    {kPvm, "step.hlt/protected", kNoHandler32, "on the way to _ZN5guest10debug_exitEh: signal 4"},
    {kPvm, "step.pending_interrupt/protected", kNoHandler32,
     "on the way to _ZN5guest10debug_exitEh: signal 4"},
    {kPvm, "interrupt.hlt_loop/protected", kNoHandler32, "the guest does not keep running: signal 4"},
    {kPvm, "own.int3/protected", kNoHandler32, "signal 4 instead of the guest's end, at interrupt_return"},
    {kPvm, "own.int3_and_software_breakpoint/protected", kNoHandler32,
     "signal 4 instead of the guest's end, at interrupt_return"},
    {kPvm, "own.int3_and_hardware_breakpoint/protected", kNoHandler32,
     "signal 4 instead of the guest's end, at interrupt_return"},
    {kPvm, "own.step/protected", kNoHandler32, "signal 4 instead of the guest's end, at interrupt_return"},
    {kPvm, "own.step_and_software_breakpoint/protected", kNoHandler32,
     "signal 4 instead of the guest's end, at interrupt_return"},
    {kPvm, "own.step_and_hardware_breakpoint/protected", kNoHandler32,
     "signal 4 instead of the guest's end, at interrupt_return"},
    {kPvm, "own.execute/protected", kNoHandler32, "signal 4 instead of the guest's end, at interrupt_return"},
    {kPvm, "own.execute_and_software_breakpoint/protected", kNoHandler32,
     "signal 4 instead of the guest's end, at interrupt_return"},
    {kPvm, "own.execute_and_hardware_breakpoint/protected", kNoHandler32,
     "signal 4 instead of the guest's end, at interrupt_return"},
    {kPvm, "own.write/real", kNoOwnData, "not ok own_write"},
    {kPvm, "own.write_and_software_breakpoint/real", kNoOwnData, "not ok own_write"},
    {kPvm, "own.write_and_hardware_breakpoint/real", kNoOwnData, "not ok own_write"},
    {kPvm, "own.write/protected", kNoOwnData, "not ok own_write"},
    {kPvm, "own.write_and_software_breakpoint/protected", kNoOwnData, "not ok own_write"},
    {kPvm, "own.write_and_hardware_breakpoint/protected", kNoOwnData, "not ok own_write"},
    {kPvm, "own.write/long", kNoOwnData, "not ok own_write"},
    {kPvm, "own.write_and_software_breakpoint/long", kNoOwnData, "not ok own_write"},
    {kPvm, "own.write_and_hardware_breakpoint/long", kNoOwnData, "not ok own_write"},
    {kPvm, "end.triple_fault/real", kNoRealLimit, "signal 4 at a triple fault"},
    {kTcg, "own.step_and_hardware_breakpoint/real", kStepTakesTrap, "not ok own_step"},
    {kTcg, "own.step_and_hardware_breakpoint/protected", kStepTakesTrap, "not ok own_step"},
    {kTcg, "own.step_and_hardware_breakpoint/long", kStepTakesTrap, "not ok own_step"},
    {kTcg, "step.pending_interrupt/real", kStepAfterSti,
     "the guest is at after_pending and not at pending_shadow"},
    {kTcg, "step.pending_interrupt/protected", kStepAfterSti,
     "the guest is at after_pending and not at pending_shadow"},
    {kTcg, "step.pending_interrupt/long", kStepAfterSti,
     "the guest is at after_pending and not at pending_shadow"},
    {kTcg, "step.int/real", kStepAfterInt, "the guest is at after_int+"},
    {kTcg, "step.int/protected", kStepAfterInt, "the guest is at _Z9check_intv+"},
    {kTcg, "step.int/long", kStepAfterInt, "the guest is at _Z9check_intv+"},
    {kTcg, "step.int/cpl3", kHltInUserCode, "on the way to user_int_site: the guest's exit with status 35"},
    {kTcg, "breakpoint.software/cpl3", kHltInUserCode, "the guest's exit with status 35 instead of a hit"},
    {kTcg, "step.plain/cpl3", kHltInUserCode,
     "on the way to user_break_code: the guest's exit with status 35"},
    {kTcg, "step.syscall/cpl3", kHltInUserCode,
     "on the way to syscall_site: the guest's exit with status 35"},
    {kTcg, "step.sysret/long", kStepOverSysret, "a step ended in the guest's exit with status 33"},
    {kTcg, "own.execute_and_hardware_breakpoint/real", kOwnExecuteAfterMov, "not ok own_execute"},
    {kTcg, "own.write_and_hardware_breakpoint/real", kOwnDataUnderStepping, "not ok own_write"},
    {kTcg, "own.write_and_hardware_breakpoint/protected", kOwnDataUnderStepping, "not ok own_write"},
    {kTcg, "own.write_and_hardware_breakpoint/long", kOwnDataUnderStepping, "not ok own_write"},
};

}  // namespace

const Impossible* why_impossible(std::string_view kvm, std::string_view behaviour) {
    for (const Impossible& row : kImpossible) {
        if (row.kvm == kvm && row.behaviour == behaviour)
            return &row;
    }
    return nullptr;
}

std::vector<std::string> rows_without_behaviour(const Behaviours& behaviours) {
    std::vector<std::string> lost;
    for (const Impossible& row : kImpossible) {
        const auto is_named = [&](const Behaviour& behaviour) { return behaviour.id() == row.behaviour; };
        if (std::ranges::none_of(behaviours, is_named))
            lost.push_back(std::string(row.kvm) + ": " + std::string(row.behaviour));
    }
    return lost;
}

}  // namespace ringside::conformance
