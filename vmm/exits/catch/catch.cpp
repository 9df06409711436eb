#include "vmm/exits/catch/catch.h"

#include <algorithm>
#include <limits>

#include "vmm/exits/catch/catch_filter.h"
#include "vmm/exits/record/reasons.h"
#include "vmm/kvm/in_kernel_ports.h"
#include "vmm/kvm/kvm_abi.h"

namespace ringside::exits {
namespace {

using x86::VirtualizationKind;

std::uint64_t field_of(const ExitRecord& exit, CatchField field) {
    switch (field) {
        case CatchField::Address:
            return exit.address;
        case CatchField::Value:
            return exit.value;
        case CatchField::Size:
            return exit.size;
        case CatchField::Rip:
            return exit.rip;
        default:  // of exceptions and interrupts
            return 0;
    }
}

std::vector<std::uint32_t> userspace_reasons(const CatchRule& rule) {
    switch (rule.subject) {
        case CatchSubject::Io:
            return {KVM_EXIT_IO};
        case CatchSubject::Mmio:
            return {KVM_EXIT_MMIO};
        case CatchSubject::Msr:
            return {KVM_EXIT_X86_RDMSR, KVM_EXIT_X86_WRMSR};
        case CatchSubject::Hlt:
            return {KVM_EXIT_HLT};
        case CatchSubject::Shutdown:
            return {KVM_EXIT_SHUTDOWN};
        case CatchSubject::Named:
            if (const auto reason = KvmReasons().find(rule.name))
                return {*reason};
            return {};
        default:
            return {};
    }
}

// The single MSR that a rule matches.
std::optional<std::uint32_t> single_msr(const CatchRule& rule) {
    for (const CatchCondition& condition : rule.conditions)
        if (condition.field == CatchField::Address && condition.comparison == Comparison::Equal &&
            condition.low <= std::numeric_limits<std::uint32_t>::max())
            return static_cast<std::uint32_t>(condition.low);
    return std::nullopt;
}

// What stepping finds: a changed control register or mode, and an HLT that is the next instruction.
bool can_be_stepped_for(const CatchRule& rule) {
    switch (rule.subject) {
        case CatchSubject::Cr0:
        case CatchSubject::Cr3:
        case CatchSubject::Cr4:
            break;
        case CatchSubject::Hlt:
        case CatchSubject::ModeChange:
            if (rule.direction)
                return false;
            break;
        default:
            return false;
    }
    return !rule.of_l2 && rule.direction != Direction::Read &&
           std::ranges::all_of(rule.conditions, [](const CatchCondition& condition) {
               return condition.field == CatchField::Rip || condition.field == CatchField::Value;
           });
}

// Returns true if only the kernel's events report accesses to the rule's port.
bool only_kernel_ports(const CatchRule& rule) {
    return rule.subject == CatchSubject::Io &&
           std::ranges::any_of(rule.conditions, [](const CatchCondition& condition) {
               return condition.field == CatchField::Address && condition.comparison == Comparison::Equal &&
                      kvm::is_in_kernel_port(condition.low);
           });
}

}  // namespace

Result<CatchPlan> plan_catch(const CatchRule& rule, std::optional<x86::VirtualizationKind> kind,
                             bool nested_paging) {
    CatchPlan stepped;
    stepped.stepping = true;
    if (rule.subject == CatchSubject::ModeChange ||
        (rule.subject == CatchSubject::Cr3 && nested_paging && can_be_stepped_for(rule))) {
        if (!can_be_stepped_for(rule))
            return failure("catch " + rule.text, "a change of mode has no value and is no read or write",
                           "For example: catch mode-change");
        return stepped;
    }
    if (is_transition(rule.subject) && kind)
        return plan_transition(rule.subject, *kind);
    CatchPlan plan;
    if (!rule.of_l2)
        plan.userspace = userspace_reasons(rule);
    if (rule.subject == CatchSubject::Msr && !rule.of_l2) {
        plan.msr = single_msr(rule);
        if (!plan.msr)
            plan.userspace.clear();  // KVM passes on only the MSRs that it was asked for
    }
    if (kind) {
        const TracepointFilter filter = hardware_filter(rule, *kind);
        // Use only one of the two: both would stop the guest twice for one exit. The exit loop knows every
        // detail but sees only what the kernel does not handle, so use it where the tracepoint would be
        // coarse.
        if (filter.possible && (!filter.coarse || plan.userspace.empty())) {
            plan.userspace.clear();
            plan.msr.reset();
            plan.event = filter.event;
            plan.filter = filter.text();
            plan.filter_is_coarse = filter.coarse;
        }
    }
    if (!plan.filter && only_kernel_ports(rule))
        return failure("catch " + rule.text,
                       "KVM has the device that is there, and this host has no events to see the access by",
                       "A host with Intel VMX or AMD SVM is needed");
    // Halts are KVM's as well: an exit for them comes only where it has no interrupt controllers.
    if (!plan.filter && can_be_stepped_for(rule))
        return stepped;
    if (!plan.userspace.empty() || plan.filter)
        return plan;
    const std::string operation = "catch " + rule.text;
    if (rule.subject == CatchSubject::Named && !HardwareReasons(VirtualizationKind::Vmx).find(rule.name) &&
        !HardwareReasons(VirtualizationKind::Svm).find(rule.name))
        return failure(operation, "there is no exit of this name", "`monitor exits` lists those seen so far");
    if (rule.subject == CatchSubject::Msr)
        return failure(operation, "this host only shows accesses to MSRs that are asked for by number",
                       "Name one: catch msr 0xc0000082");
    return failure(
        operation,
        "the kernel handles this exit itself, and this host's KVM has no kvm:kvm_exit events to see it by",
        "A host with Intel VMX or AMD SVM is needed");
}

bool is_transition(CatchSubject subject) {
    return subject == CatchSubject::VmEntry || subject == CatchSubject::VmExit ||
           subject == CatchSubject::VmEntryFailure;
}

bool is_event(CatchSubject subject) {
    return subject == CatchSubject::Exception || subject == CatchSubject::Interrupt;
}

bool matches(const CatchRule& rule, const ExitRecord& exit) {
    if (rule.direction && *rule.direction != exit.direction)
        return false;
    return std::all_of(rule.conditions.begin(), rule.conditions.end(),
                       [&exit](const CatchCondition& condition) {
                           return holds(condition, field_of(exit, condition.field));
                       });
}

}  // namespace ringside::exits
