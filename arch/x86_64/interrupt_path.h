// The path of an interrupt from a line of the interrupt controllers to a handler, and the obstacles on it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "arch/x86_64/io_apic.h"
#include "arch/x86_64/local_apic.h"
#include "arch/x86_64/pending_events.h"
#include "arch/x86_64/pic.h"

namespace ringside::x86 {

// A logical processor as an interrupt finds it.
struct InterruptTarget {
    std::uint32_t vcpu = 0;
    LocalApic apic;
    PendingEvents events;
    bool interrupts_enabled = false;  // RFLAGS.IF
    VectorSet gates;                  // vectors that lead to a handler
};

struct Finding {
    std::string where;     // "8259A", "I/O APIC", "vCPU 0"
    bool blocks = false;   // the interrupt cannot pass here
    std::string sentence;  // without a full stop
    friend bool operator==(const Finding&, const Finding&) = default;
};
using Findings = std::vector<Finding>;

bool is_free(const Findings& findings);

// Returns true if a device holds the line of this number up, as the controllers have seen it, or nullopt if they do not
// show it: an edge that the I/O APIC has delivered is gone, and no 8259A has the line.
std::optional<bool> is_raised(const PicPair& pics, const IoApic& chip, unsigned line);

// What keeps a vector from its handler on one processor. With `requested`, it is also an obstacle if the request has
// not arrived in the local APIC.
Findings examine_vector(const InterruptTarget& target, std::uint8_t vector, bool requested = true);
// Through the 8259As (lines 0 to 15) to the processors that accept their interrupts.
Findings examine_pic(const PicPair& pics, unsigned line, const std::vector<InterruptTarget>& targets);
// Through the I/O APIC (lines 0 to 23) to the processors that its entry names.
Findings examine_io_apic(const IoApic& chip, unsigned line, const std::vector<InterruptTarget>& targets);

}  // namespace ringside::x86
