// Catching exits: what a user types, as a value; whether an exit meets it; and the same as a filter for the
// kernel.
//
//     cpuid                          hlt                        0x2b (a KVM_EXIT_* number)
//     msr 0xc0000082                 cr3                        ept if gpa in 0xd0000000..0xd0000fff
//     io port==0x3f8                 mmio gpa in A..B           io if port==0x3f8 and size==1 and write
//     ... count 3                    only the third that meets it, and those after it
//
// Words: `port`, `gpa`, `msr`, `leaf` all mean the exit's address; `value`, `size`, `rip` are its other
// numbers; `read`, `write`, `in`, `out` its direction. Ranges hold both their ends. Numbers are decimal or
// 0x... .
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "arch/x86_64/exit_reasons.h"
#include "vmm/exits/exit_record.h"
#include "vmm/types.h"

namespace ringside::exits {

// What of an exit a condition looks at.
enum class CatchField : std::uint8_t { Address, Value, Size, Rip };

enum class Comparison : std::uint8_t { Equal, NotEqual, Less, LessOrEqual, Greater, GreaterOrEqual, InRange };

struct CatchCondition {
    CatchField field = CatchField::Address;
    Comparison comparison = Comparison::Equal;
    std::uint64_t low = 0;   // the operand; of InRange its first
    std::uint64_t high = 0;  // of InRange its last, included
    friend bool operator==(const CatchCondition&, const CatchCondition&) = default;
};

// The kinds of exits that have a word of their own, whatever the processor or tier calls them.
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
    Named
};

struct CatchRule {
    CatchSubject subject = CatchSubject::Named;
    std::string name;  // of CatchSubject::Named: an exit's name or number
    std::optional<Direction> direction;
    std::vector<CatchCondition> conditions;  // all must hold
    std::uint64_t count = 1;                 // stop from this hit on
    std::string text;                        // as it was typed
};

// The error says what was not understood, and what could stand there.
Result<CatchRule> parse_catch(std::string_view text);

// Where a rule can be watched for.
struct CatchPlan {
    // KVM_EXIT_* reasons that the exit loop is to test with matches(). Empty where such exits never reach
    // userspace.
    std::vector<std::uint32_t> userspace;
    // A tracepoint of KVM's and a filter for it in the kernel's syntax; nullopt if no hardware exit answers
    // to the rule. It is kvm_exit, but where only another one carries what the rule asks for: kvm_cpuid (the
    // leaf), kvm_msr (the number), kvm_page_fault (the gpa). Those too fire before the guest is entered
    // again.
    std::string event = "kvm_exit";
    std::optional<std::string> filter;
    // The filter lets through more than the rule wants, since no tracepoint carries what a condition asks
    // for: the debugger must look again once the guest has stopped, or say so.
    bool filter_is_coarse = false;
    // An MSR, for KVM's MSR filter: accesses to it then exit to userspace.
    std::optional<std::uint32_t> msr;
};

// `kind` is the host's hardware tier; nullopt where there is none. The error says why a rule can be watched
// for nowhere.
Result<CatchPlan> plan_catch(const CatchRule& rule, std::optional<x86::VirtualizationKind> kind);

// Whether a userspace exit, whose reason is one of the plan's, meets a rule; its count aside. Costs a few
// comparisons.
bool matches(const CatchRule& rule, const ExitRecord& exit);

}  // namespace ringside::exits
