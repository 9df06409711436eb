// Where a guest may ask to stop. Each of these is off until a user chooses it: kernels use int3 for other purposes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "vmm/base/error.h"
#include "vmm/debug/host/host_abilities.h"

namespace ringside::debug {

struct GuestStops {
    bool int3 = false;      // its own int3: the vCPU stops after it, and the guest gets no #BP
    bool exchange = false;  // xchg %bx,%bx, as in Bochs: found by stepping the guest, which is slow
    std::optional<std::uint16_t> port;  // a write to this port

    bool any() const { return int3 || exchange || port; }
    friend bool operator==(const GuestStops&, const GuestStops&) = default;
};

// "int3,xchg,port:0x8a00"; "off" for none.
Result<GuestStops> parse_guest_stops(std::string_view text);
// The same, for users.
std::string to_string(const GuestStops&);

// Fails if this host, or the machine, cannot stop the guest in this way.
Result<void> check_guest_stops(const GuestStops&, const HostAbilities&);
// The kinds of code in which this host does not report the guest's int3s; empty if none.
std::string unseen_int3s(const HostAbilities&);

}  // namespace ringside::debug
