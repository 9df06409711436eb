// The best possible rates on this machine, for comparison with the measured ones.
#pragma once

#include <chrono>
#include <cstddef>

namespace ringside::bench {

// Single-steps per second of a loop around KVM_RUN that does nothing else, over the same two instructions in
// the same mode as the bench's guest. Throws if KVM does not give them.
double bare_kvm_steps(std::chrono::duration<double>);

// A TCP connection over loopback between two threads that only copy memory.
struct Loopback {
    double mib_per_second;          // replies of `reply_size` bytes to one-packet requests
    double round_trips_per_second;  // replies of a few bytes
};
Loopback loopback_limits(std::size_t reply_size, std::chrono::duration<double>);

}  // namespace ringside::bench
