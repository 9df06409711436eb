// Catching exits: parses what a user types into a rule, matches exits against it, and turns it into a filter
// for the kernel.
//
//     cpuid                          hlt                        0x2b (a KVM_EXIT_* number)
//     msr 0xc0000082                 cr3                        ept if gpa in 0xd0000000..0xd0000fff
//     io port==0x3f8                 mmio gpa in A..B           io if port==0x3f8 and size==1 and write
//     ... count 3                    only from the third match on
//     l2-exit cpuid                  of a guest's guest (L2) alone; l2-exit: each of its exits
//     vm-entry                       the guest, a hypervisor, has tried to enter its guest
//     vm-exit                        it has got a VM exit, or its VM entry has failed
//     vm-entry-failure               its VM entry has failed
//     exception pf if error & 2      the guest takes an exception, by name or vector
//     interrupt 32                   the guest takes the interrupt of a vector
//     mode-change                    the processor goes from real to protected or long mode, or back
//
//     io 0x3f8-0x3ff                 msr LSTAR write
//
// Words: `port`, `gpa`, `msr` and `leaf` all mean the exit's address; `value`, `size` and `rip` are its other
// numbers; `read`, `write`, `in` and `out` are its direction. Ranges include both ends. Numbers are decimal
// or hexadecimal (0x...). Of exceptions and interrupts: `error`, `cr2`, `cpl`, `rip` and registers' names, as they were
// where the guest was interrupted. `FIELD & MASK` is true if one of the mask's bits is set.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "arch/x86_64/exit_reasons.h"
#include "vmm/base/error.h"
#include "vmm/base/value_test.h"
#include "vmm/exits/record/exit_record.h"

namespace ringside::exits {

// The part of an exit that a condition tests.
enum class CatchField : std::uint8_t { Address, Value, Size, Rip, ErrorCode, Cr2, Level, Register };

struct CatchCondition : ValueTest {
    CatchField field = CatchField::Address;
    std::string name = {};  // of CatchField::Register
    friend bool operator==(const CatchCondition&, const CatchCondition&) = default;
};

// The kinds of exits that have their own keyword, whatever the processor or tier calls them.
enum class CatchSubject : std::uint8_t {
    Io,
    Mmio,
    Ept,
    Msr,
    Cpuid,
    Hlt,
    Cr0,
    Cr2,
    Cr3,
    Cr4,
    Cr8,
    Shutdown,
    Named,
    AnyOfL2,
    // What happens between a guest that is a hypervisor (L1) and its guest (L2).
    VmEntry,
    VmExit,
    VmEntryFailure,
    // What the guest's handler sees.
    Exception,
    Interrupt,
    // Real mode, protected mode, long mode.
    ModeChange
};

// Returns true for VmEntry, VmExit and VmEntryFailure: whether the exit was one shows only at the stop.
bool is_transition(CatchSubject subject);
// Returns true for Exception and Interrupt: not exits, but reported by the guest's handler.
bool is_event(CatchSubject subject);

struct CatchRule {
    CatchSubject subject = CatchSubject::Named;
    bool of_l2 = false;  // an exit of the guest's guest
    std::string name;    // of CatchSubject::Named: an exit's name or number
    std::optional<Direction> direction;
    std::vector<CatchCondition> conditions;  // all must hold
    std::uint64_t count = 1;                 // stop from this hit on
    std::string text;                        // as typed
    std::uint8_t vector = 0;                 // of an exception or interrupt
};

// The error says what was not understood and what is possible there.
Result<CatchRule> parse_catch(std::string_view text);

// The mechanism for a rule.
struct CatchPlan {
    // KVM_EXIT_* reasons that the exit loop must test with matches(). Empty if such exits never reach
    // userspace.
    std::vector<std::uint32_t> userspace;
    // A KVM tracepoint and a filter for it in the kernel's syntax; nullopt if no hardware exit can match the
    // rule. The tracepoint is kvm_exit, unless only another one carries what the rule tests: kvm_cpuid (the
    // leaf), kvm_msr (the number) or kvm_page_fault (the gpa). These also fire before the guest is entered
    // again.
    std::string event = "kvm_exit";
    std::optional<std::string> filter;
    // A second tracepoint with its filter; empty names for none.
    std::string second_event, second_filter;
    // The filter passes more than the rule matches, because no tracepoint carries what a condition tests. The
    // debugger must check again once the guest has stopped, or say so.
    bool filter_is_coarse = false;
    // No exit reports it: the vCPUs are stepped, and their registers compared.
    bool stepping = false;
    // An MSR, for KVM's MSR filter: accesses to it then exit to userspace.
    std::optional<std::uint32_t> msr;
};

// `kind` is the host's hardware tier; nullopt if there is none. `nested_paging`: CR3 accesses cause no
// exit on its processors. The error says why there is no mechanism for the
// rule.
Result<CatchPlan> plan_catch(const CatchRule& rule, std::optional<x86::VirtualizationKind> kind,
                             bool nested_paging = false);

// Returns true if a userspace exit, whose reason is one of the plan's, matches a rule, ignoring its count.
// Costs a few comparisons.
bool matches(const CatchRule& rule, const ExitRecord& exit);

}  // namespace ringside::exits
