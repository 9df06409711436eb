#include "vmm/exits/catch/catch_filter.h"

#include <utility>

#include "vmm/exits/record/reasons.h"

namespace ringside::exits {
namespace {

using x86::SvmExitCode;
using x86::VirtualizationKind;
using x86::VmxExitReason;

// The condition on a tracepoint's field that contains (value << shift) plus anything in the low bits.
std::string field_filter(const CatchCondition& condition, std::string_view field, unsigned shift) {
    const auto first = [shift](std::uint64_t value) { return value << shift; };
    const auto last = [shift](std::uint64_t value) {
        return (value << shift) | ((std::uint64_t{1} << shift) - 1);
    };
    switch (condition.comparison) {
        case Comparison::NotEqual:
            return fmt::format("({0} < 0x{1:x} || {0} > 0x{2:x})", field, first(condition.low),
                               last(condition.low));
        case Comparison::Less:
            return fmt::format("{} < 0x{:x}", field, first(condition.low));
        case Comparison::LessOrEqual:
            return fmt::format("{} <= 0x{:x}", field, last(condition.low));
        case Comparison::Greater:
            return fmt::format("{} > 0x{:x}", field, last(condition.low));
        case Comparison::GreaterOrEqual:
            return fmt::format("{} >= 0x{:x}", field, first(condition.low));
        case Comparison::Equal:
        case Comparison::InRange:
            break;
    }
    if (first(condition.low) == last(condition.high))
        return fmt::format("{} == 0x{:x}", field, condition.low);
    return fmt::format("({0} >= 0x{1:x} && {0} <= 0x{2:x})", field, first(condition.low),
                       last(condition.high));
}

std::uint32_t code(VmxExitReason reason) {
    return static_cast<std::uint32_t>(reason);
}
std::uint32_t code(SvmExitCode reason) {
    return static_cast<std::uint32_t>(reason);
}

std::optional<unsigned> control_register(CatchSubject subject) {
    switch (subject) {
        case CatchSubject::Cr0:
            return 0;
        case CatchSubject::Cr2:
            return 2;
        case CatchSubject::Cr3:
            return 3;
        case CatchSubject::Cr4:
            return 4;
        case CatchSubject::Cr8:
            return 8;
        default:
            return std::nullopt;
    }
}

// VMX: one reason for all control registers; the qualification (SDM volume 3, table 28-3) holds the
// register's number in bits 0-3, the kind of access in 4-5 (0 MOV to, 1 MOV from) and the general register in
// 8-11. The kernel's filters have no masked comparison, but the few values that can occur can be listed. CR0
// has CLTS and LMSW besides: it stays coarse.
void add_vmx_control_register(TracepointFilter& filter, unsigned number, std::optional<Direction> direction) {
    filter.add_reasons({code(VmxExitReason::CrAccess)});
    if (number == 0) {
        filter.coarse = true;
        return;
    }
    std::string any;
    for (const unsigned kind : {0U, 1U}) {
        if (direction && (*direction == Direction::Write) != (kind == 0))
            continue;
        for (unsigned general = 0; general < 16; ++general)
            any += fmt::format("{}info1 == 0x{:x}", any.empty() ? "" : " || ",
                               number | kind << 4 | general << 8);
    }
    filter.add("(" + any + ")");
}

// SVM: an exit code for each register and direction (APM volume 2, appendix C).
void add_svm_control_register(TracepointFilter& filter, unsigned number, std::optional<Direction> direction) {
    std::vector<std::uint32_t> codes;
    if (direction != Direction::Write)
        codes.push_back(code(SvmExitCode::ReadCr0) + number);
    if (direction != Direction::Read) {
        codes.push_back(code(SvmExitCode::WriteCr0) + number);
        if (number == 0)
            codes.push_back(code(SvmExitCode::Cr0SelectiveWrite));
    }
    filter.add_reasons(codes);
}

void add_vmx_subject(TracepointFilter& filter, const CatchRule& rule) {
    switch (rule.subject) {
        case CatchSubject::Io:
            filter.add_reasons({code(VmxExitReason::IoInstruction)});
            filter.coarse |= rule.direction.has_value();  // bit 3 of the qualification: 1 for IN
            return;
        case CatchSubject::Ept:
            filter.add_reasons({code(VmxExitReason::EptViolation)});
            if (rule.direction)
                filter.add(*rule.direction == Direction::Write ? "info1 & 0x2" : "info1 & 0x1");
            return;
        case CatchSubject::Msr:
            if (rule.direction)
                filter.add_reasons({code(*rule.direction == Direction::Write ? VmxExitReason::MsrWrite
                                                                             : VmxExitReason::MsrRead)});
            else
                filter.add_reasons({code(VmxExitReason::MsrRead), code(VmxExitReason::MsrWrite)});
            return;
        case CatchSubject::Cpuid:
            return filter.add_reasons({code(VmxExitReason::Cpuid)});
        case CatchSubject::Hlt:
            return filter.add_reasons({code(VmxExitReason::Hlt)});
        case CatchSubject::Shutdown:
            return filter.add_reasons({code(VmxExitReason::TripleFault)});
        default:
            filter.possible = false;
    }
}

void add_svm_subject(TracepointFilter& filter, const CatchRule& rule) {
    switch (rule.subject) {
        case CatchSubject::Io:
            filter.add_reasons({code(SvmExitCode::Ioio)});
            if (rule.direction == Direction::Read)
                filter.add("info1 & 0x1");
            filter.coarse |= rule.direction == Direction::Write;  // the filter syntax has no "bit clear"
            return;
        case CatchSubject::Ept:
            filter.add_reasons({code(SvmExitCode::NestedPageFault)});
            if (rule.direction == Direction::Write)
                filter.add("info1 & 0x2");
            filter.coarse |= rule.direction == Direction::Read;
            return;
        case CatchSubject::Msr:
            filter.add_reasons({code(SvmExitCode::Msr)});
            if (rule.direction)
                filter.add(fmt::format("info1 == {}", *rule.direction == Direction::Write ? 1 : 0));
            return;
        case CatchSubject::Cpuid:
            return filter.add_reasons({code(SvmExitCode::Cpuid)});
        case CatchSubject::Hlt:
            return filter.add_reasons({code(SvmExitCode::Hlt)});
        case CatchSubject::Shutdown:
            return filter.add_reasons({code(SvmExitCode::Shutdown)});
        default:
            filter.possible = false;
    }
}

// The conditions that the tracepoint can test: ports (bits 16-31 of info1 on both VMX and SVM), SVM's gpa
// (info2) and rip.
void add_condition(TracepointFilter& filter, const CatchCondition& condition, CatchSubject subject,
                   VirtualizationKind kind) {
    constexpr std::uint64_t kPorts = 0xffff;
    if (condition.field == CatchField::Rip)
        filter.add(field_filter(condition, "guest_rip", 0));
    else if (condition.field == CatchField::Address && subject == CatchSubject::Io &&
             condition.high <= kPorts)
        filter.add(field_filter(condition, "info1", 16));
    else if (condition.field == CatchField::Address && subject == CatchSubject::Ept &&
             kind == VirtualizationKind::Svm)
        filter.add(field_filter(condition, "info2", 0));
    else
        filter.coarse = true;
}

// The tracepoint that carries the address of an exit whose kvm_exit does not.
std::optional<TracepointFilter> address_filter(const CatchRule& rule) {
    struct Carrier {
        CatchSubject subject;
        const char* event;
        const char* field;
        const char* write;  // what holds for a write
        const char* read;
    };
    constexpr Carrier kCarriers[] = {
        {CatchSubject::Cpuid, "kvm_cpuid", "function", nullptr, nullptr},
        {CatchSubject::Msr, "kvm_msr", "ecx", "write == 1", "write == 0"},
        {CatchSubject::Ept, "kvm_page_fault", "fault_address", "error_code & 0x2", nullptr}};
    for (const Carrier& carrier : kCarriers) {
        if (carrier.subject != rule.subject || rule.conditions.empty())
            continue;
        TracepointFilter filter;
        filter.event = carrier.event;
        for (const CatchCondition& condition : rule.conditions) {
            if (condition.field != CatchField::Address)
                return std::nullopt;
            filter.add(field_filter(condition, carrier.field, 0));
        }
        if (!rule.direction)
            return filter;
        const char* direction = *rule.direction == Direction::Write ? carrier.write : carrier.read;
        if (direction == nullptr)
            return std::nullopt;
        filter.add(direction);
        return filter;
    }
    return std::nullopt;
}

// The instructions with which a hypervisor enters its guest.
TracepointFilter entry_instructions(VirtualizationKind kind) {
    TracepointFilter filter;
    if (kind == VirtualizationKind::Vmx)
        filter.add_reasons({code(VmxExitReason::Vmlaunch), code(VmxExitReason::Vmresume)});
    else
        filter.add_reasons({code(SvmExitCode::Vmrun)});
    return filter;
}

// The tracepoint beside the entry instructions. A failure that the processor finds, and not KVM, comes as an exit of L2: on
// VMX with bit 31 of the reason set (SDM volume 3, 27.8), on SVM with code -1 (APM volume 2, appendix C).
std::optional<TracepointFilter> transition_filter(CatchSubject subject, VirtualizationKind kind) {
    TracepointFilter filter;
    if (subject == CatchSubject::VmExit) {
        filter.event = "kvm_nested_vmexit_inject";
        filter.add("isa >= 1");
        return filter;
    }
    if (subject == CatchSubject::VmEntryFailure) {
        filter.event = "kvm_nested_vmexit";
        filter.add(kind == VirtualizationKind::Vmx ? "exit_reason >= 0x80000000"
                                                   : "exit_reason == 0xffffffff");
        return filter;
    }
    return std::nullopt;
}

}  // namespace

CatchPlan plan_transition(CatchSubject subject, VirtualizationKind kind) {
    CatchPlan plan;
    plan.filter = entry_instructions(kind).text();
    if (const auto second = transition_filter(subject, kind)) {
        plan.second_event = second->event;
        plan.second_filter = second->text();
    }
    return plan;
}

TracepointFilter hardware_filter(const CatchRule& rule, VirtualizationKind kind) {
    TracepointFilter filter;
    if (rule.of_l2)
        filter.event = "kvm_nested_vmexit";
    if (rule.subject == CatchSubject::AnyOfL2) {
        filter.add("isa >= 1");
        return filter;
    }
    const bool vmx = kind == VirtualizationKind::Vmx;
    if (const auto number = control_register(rule.subject)) {
        if (vmx)
            add_vmx_control_register(filter, *number, rule.direction);
        else
            add_svm_control_register(filter, *number, rule.direction);
    } else if (rule.subject == CatchSubject::Named) {
        const auto reason = HardwareReasons(kind).find(rule.name);
        if (reason)
            filter.add_reasons({*reason});
        filter.possible = reason.has_value();
        filter.coarse = rule.direction.has_value();
    } else if (vmx) {
        add_vmx_subject(filter, rule);
    } else {
        add_svm_subject(filter, rule);
    }
    for (const CatchCondition& condition : rule.conditions)
        add_condition(filter, condition, rule.subject, kind);
    // Those tracepoints do not say whose exit it is.
    if (filter.coarse && !rule.of_l2)
        if (auto exact = address_filter(rule))
            return *exact;
    return filter;
}

}  // namespace ringside::exits
