// A catch rule as a filter for the kernel's tracepoints.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "vmm/exits/catch/catch.h"

namespace ringside::exits {

// A filter under construction: terms that must all hold.
struct TracepointFilter {
    std::string event = "kvm_exit";
    std::vector<std::string> terms;
    bool coarse = false;
    bool possible = true;

    void add(std::string term) { terms.push_back(std::move(term)); }
    void add_reasons(const std::vector<std::uint32_t>& reasons) {
        std::string any;
        for (const std::uint32_t reason : reasons)
            any += fmt::format("{}exit_reason == 0x{:x}", any.empty() ? "" : " || ", reason);
        add(reasons.size() > 1 ? "(" + any + ")" : any);
    }
    std::string text() const {
        std::string all;
        for (const std::string& term : terms)
            all += (all.empty() ? "" : " && ") + term;
        return all;
    }
};

// The filter for a rule on a host of this kind. `possible` is false if no hardware exit can match the rule;
// `coarse` is true if no tracepoint carries everything that it tests.
TracepointFilter hardware_filter(const CatchRule& rule, x86::VirtualizationKind kind);

// The plan for a transition between a hypervisor (L1) and its guest (L2).
CatchPlan plan_transition(CatchSubject subject, x86::VirtualizationKind kind);

}  // namespace ringside::exits
