// Short ways to write exits down in tests.
#pragma once

#include <cstdint>

#include "vmm/exits/record/exit_record.h"

namespace ringside::exits {

// KVM_EXIT_IO and KVM_EXIT_MMIO (Documentation/virt/kvm/api.rst), as numbers so that tests do not depend on
// the header under test for them.
inline constexpr std::uint32_t kIo = 2;
inline constexpr std::uint32_t kHlt = 5;
inline constexpr std::uint32_t kMmio = 6;

// An access that spent `run` ticks in KVM_RUN and `handler` ticks with us, entered at `at`.
inline ExitRecord access(std::uint32_t reason, Direction direction, std::uint8_t size, std::uint64_t address,
                         std::uint64_t at = 0, std::uint64_t run = 0, std::uint64_t handler = 0) {
    ExitRecord exit;
    exit.entered = at;
    exit.exited = at + run;
    exit.handled = at + run + handler;
    exit.reason = reason;
    exit.direction = direction;
    exit.size = size;
    exit.address = address;
    return exit;
}

}  // namespace ringside::exits
