#include "tests/conformance/impossible.h"

namespace ringside::conformance {

namespace {

constexpr std::string_view kPvm = "kvm_pvm";
constexpr std::string_view kTcg = "kvm_amd in TCG";
constexpr std::string_view kBochs = "kvm_intel in Bochs";

// kvm_pvm runs CPL 0 in its instruction emulator and CPL 3 on the processor.
constexpr std::string_view kNoUser = "code at CPL 3 is out of KVM_SET_GUEST_DEBUG's reach";
constexpr std::string_view kNoInt = "KVM cannot emulate INT n outside real mode";
constexpr std::string_view kNoUserInt = "KVM has no INT n at CPL 3, nor can it debug there";
constexpr std::string_view kNoIret32 = "KVM cannot emulate a 32-bit IRET";
constexpr std::string_view kNoHandler32 =
    "the guest's handler ends with a 32-bit IRET, which KVM cannot emulate";
constexpr std::string_view kHalfSyscall = "SYSCALL comes to its entry at CPL 3 still";
constexpr std::string_view kNoOwnData =
    "the guest's own data breakpoints never fire, with or without a debugger";
constexpr std::string_view kNoRealLimit =
    "the emulator looks at no IDT limit in real mode: there is no triple fault";

// QEMU 7.2's SVM reports neither int3 nor debug slots, so every breakpoint is looked for step by step.
constexpr std::string_view kStepTakesTrap =
    "breakpoints are looked for by TF here, which is the guest's own TF";
constexpr std::string_view kStepAfterSti = "TCG traps behind the instruction that follows STI, not before it";
constexpr std::string_view kStepAfterInt =
    "without slots a step over INT n ends one instruction behind its handler's IRET";

constexpr std::string_view kStepAfterException =
    "an exception clears TF, and without slots stepping cannot follow it into its handler: what comes behind "
    "it is not seen";
constexpr std::string_view kStepAfterSyscall =
    "SYSCALL takes TF into R11 and clears it, and without slots stepping cannot follow it into its handler";

constexpr std::string_view kOwnDataUnderStepping =
    "QEMU's SVM knows data breakpoints only as the guest's own MOV DR sets them, which KVM keeps to itself "
    "while the guest is stepped";

// In the other modes a few instructions lie between the MOV and the breakpoint, and it is told of.
constexpr std::string_view kOwnExecuteAfterMov =
    "QEMU's SVM tells of the guest's own execution breakpoints with the trap of a step that it has made "
    "itself, "
    "and the MOV DR7 right before this one is a step that KVM finishes";

// With IF set, Ctrl-C ends the same loop there.
constexpr std::string_view kBochsHoldsInterrupts =
    "Bochs holds its machine's own interrupts back while a guest of that machine runs with IF clear: nothing "
    "gets the processor out of a loop that exits for no other reason";

constexpr Impossible kImpossible[] = {
    {kPvm, "breakpoint.software/cpl3", kNoUser},
    {kPvm, "breakpoint.hardware/cpl3", kNoUser},
    {kPvm, "step.plain/cpl3", kNoUser},
    {kPvm, "step.syscall/cpl3", kNoUser},
    {kPvm, "step.iret_to_cpl3/long", kNoUser},
    {kPvm, "step.int/cpl3", kNoUserInt},
    {kPvm, "step.sysret/long", kHalfSyscall},
    {kPvm, "registers.msr_in_use/long", kHalfSyscall},
    {kPvm, "step.int/protected", kNoInt},
    {kPvm, "step.int/long", kNoInt},
    {kPvm, "step.iret/protected", kNoIret32},
    {kPvm, "step.hlt/protected", kNoHandler32},
    {kPvm, "step.pending_interrupt/protected", kNoHandler32},
    {kPvm, "interrupt.hlt_loop/protected", kNoHandler32},
    {kPvm, "own.int3/protected", kNoHandler32},
    {kPvm, "own.int3_and_software_breakpoint/protected", kNoHandler32},
    {kPvm, "own.int3_and_hardware_breakpoint/protected", kNoHandler32},
    {kPvm, "own.step/protected", kNoHandler32},
    {kPvm, "own.step_and_software_breakpoint/protected", kNoHandler32},
    {kPvm, "own.step_and_hardware_breakpoint/protected", kNoHandler32},
    {kPvm, "own.execute/protected", kNoHandler32},
    {kPvm, "own.execute_and_software_breakpoint/protected", kNoHandler32},
    {kPvm, "own.execute_and_hardware_breakpoint/protected", kNoHandler32},
    {kPvm, "own.write/real", kNoOwnData},
    {kPvm, "own.write_and_software_breakpoint/real", kNoOwnData},
    {kPvm, "own.write_and_hardware_breakpoint/real", kNoOwnData},
    {kPvm, "own.write/protected", kNoOwnData},
    {kPvm, "own.write_and_software_breakpoint/protected", kNoOwnData},
    {kPvm, "own.write_and_hardware_breakpoint/protected", kNoOwnData},
    {kPvm, "own.write/long", kNoOwnData},
    {kPvm, "own.write_and_software_breakpoint/long", kNoOwnData},
    {kPvm, "own.write_and_hardware_breakpoint/long", kNoOwnData},
    {kPvm, "end.triple_fault/real", kNoRealLimit},
    {kTcg, "own.step_and_software_breakpoint/real", kStepTakesTrap},
    {kTcg, "own.step_and_hardware_breakpoint/real", kStepTakesTrap},
    {kTcg, "own.step_and_software_breakpoint/protected", kStepTakesTrap},
    {kTcg, "own.step_and_hardware_breakpoint/protected", kStepTakesTrap},
    {kTcg, "own.step_and_software_breakpoint/long", kStepTakesTrap},
    {kTcg, "own.step_and_hardware_breakpoint/long", kStepTakesTrap},
    {kTcg, "step.hlt/real", kStepAfterSti},
    {kTcg, "step.hlt/protected", kStepAfterSti},
    {kTcg, "step.hlt/long", kStepAfterSti},
    {kTcg, "step.pending_interrupt/real", kStepAfterSti},
    {kTcg, "step.pending_interrupt/protected", kStepAfterSti},
    {kTcg, "step.pending_interrupt/long", kStepAfterSti},
    {kTcg, "step.int/real", kStepAfterInt},
    {kTcg, "step.int/protected", kStepAfterInt},
    {kTcg, "step.int/long", kStepAfterInt},
    {kTcg, "step.int/cpl3", kStepAfterInt},
    {kTcg, "breakpoint.software/cpl3", kStepAfterException},
    {kTcg, "breakpoint.hardware/cpl3", kStepAfterException},
    {kTcg, "step.plain/cpl3", kStepAfterException},
    {kTcg, "step.iret_to_cpl3/long", kStepAfterException},
    {kTcg, "step.syscall/cpl3", kStepAfterSyscall},
    {kTcg, "step.sysret/long", kStepAfterSyscall},
    {kTcg, "registers.msr_in_use/long", kStepAfterSyscall},
    {kTcg, "own.execute_and_software_breakpoint/real", kOwnExecuteAfterMov},
    {kTcg, "own.execute_and_hardware_breakpoint/real", kOwnExecuteAfterMov},
    {kTcg, "own.write_and_software_breakpoint/real", kOwnDataUnderStepping},
    {kTcg, "own.write_and_hardware_breakpoint/real", kOwnDataUnderStepping},
    {kTcg, "own.write_and_software_breakpoint/protected", kOwnDataUnderStepping},
    {kTcg, "own.write_and_hardware_breakpoint/protected", kOwnDataUnderStepping},
    {kTcg, "own.write_and_software_breakpoint/long", kOwnDataUnderStepping},
    {kTcg, "own.write_and_hardware_breakpoint/long", kOwnDataUnderStepping},
    {kBochs, "interrupt.tight_loop/real", kBochsHoldsInterrupts, true},
    {kBochs, "interrupt.tight_loop/protected", kBochsHoldsInterrupts, true},
    {kBochs, "interrupt.tight_loop/long", kBochsHoldsInterrupts, true},
};

}  // namespace

const Impossible* why_impossible(std::string_view kvm, std::string_view behaviour) {
    for (const Impossible& row : kImpossible) {
        if (row.kvm == kvm && row.behaviour == behaviour)
            return &row;
    }
    return nullptr;
}

}  // namespace ringside::conformance
