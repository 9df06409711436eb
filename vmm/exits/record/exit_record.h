// One VM exit as the exit loop sees it: tier 0 of exit recording. A plain value, filled in on the vCPU's own
// thread.
#pragma once

#include <cstdint>

namespace ringside::exits {

enum class Direction : std::uint8_t { None, Read, Write };  // In and Out for ports

struct ExitRecord {
    // The host's time-stamp counter when KVM_RUN was called, when it returned, and when the exit had been
    // handled.
    std::uint64_t entered = 0;
    std::uint64_t exited = 0;
    std::uint64_t handled = 0;
    std::uint64_t rip = 0;     // after the exit; 0 where the host does not share registers
    std::uint32_t reason = 0;  // KVM_EXIT_*, or one of the pseudo-reasons below
    Direction direction = Direction::None;
    std::uint8_t size = 0;      // of one access, in bytes
    std::uint16_t count = 1;    // accesses in this exit (REP INS/OUTS)
    std::uint64_t address = 0;  // port, guest-physical address or MSR index
    std::uint64_t value = 0;    // the first access's data, zero-extended
};

// KVM_RUN returned EINTR or EAGAIN: no KVM_EXIT_* applies, but the guest did leave.
inline constexpr std::uint32_t kReasonInterrupted = 0xffff0000;
inline constexpr std::uint32_t kReasonAgain = 0xffff0001;
// KVM_RUN returned EFAULT: the guest has written to a page that is protected from it.
inline constexpr std::uint32_t kReasonWriteFault = 0xffff0002;

}  // namespace ringside::exits
