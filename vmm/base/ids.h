// Strong types for values that would otherwise be plain integers.
#pragma once

#include <compare>
#include <cstdint>

#include "arch/x86_64/address.h"

namespace ringside {

using x86::Gpa;
using x86::Gva;

// A vCPU's index, from 0. gdb's threads count from 1; vmm/debug/run_control/thread_ids.h converts.
struct VcpuIndex {
    std::uint32_t value = 0;
    friend constexpr auto operator<=>(const VcpuIndex&, const VcpuIndex&) = default;
};

// A global system interrupt: an input of the in-kernel irqchip's routing table.
struct Gsi {
    std::uint32_t value = 0;
    friend constexpr auto operator<=>(const Gsi&, const Gsi&) = default;
};

}  // namespace ringside
