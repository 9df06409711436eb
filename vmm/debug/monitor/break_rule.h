// What `monitor break` and `monitor watch` are told: a place, and what must be true there for the guest to stop.
//
//     0x101000                                     a linear address
//     phys 0x101000                                a guest-physical one
//     ... if cr3 == 0x7000 and cpl == 3 and rdi & 4    all must be true; registers are those at the place
//     ... vcpu 1                                   only on this vCPU
//     ... ignore 5                                 the first 5 hits do not stop
//
// `cr3 == X` is true while CR3 has the page tables at X, whatever its other bits (a PCID).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "vmm/base/error.h"
#include "vmm/base/ids.h"
#include "vmm/base/value_test.h"

namespace ringside::debug {

enum class BreakField : std::uint8_t { PageTables, Level, Register };

struct BreakCondition : ValueTest {
    BreakField field = BreakField::Register;
    std::string name = {};  // of BreakField::Register
    friend bool operator==(const BreakCondition&, const BreakCondition&) = default;
};

struct BreakRule {
    bool physical = false;
    bool watches = false;  // writes, to `size` bytes; otherwise it is a breakpoint
    std::uint64_t address = 0;
    std::uint64_t size = 1;
    std::vector<BreakCondition> conditions;  // all must hold
    std::optional<VcpuIndex> vcpu;
    std::uint64_t ignore = 0;
    std::string filters;  // as typed: what follows the place
};

// The longest range that can be watched, in bytes.
inline constexpr std::uint64_t kMostWatched = 4096;

// Errors say what was not understood, or cannot be done, and what is possible there.
Result<BreakRule> parse_break(std::string_view text, std::size_t vcpus);
Result<BreakRule> parse_watch(std::string_view text, std::size_t vcpus);

}  // namespace ringside::debug
