// Trying the ways to break a field before a VM entry, which the processor should then refuse.
#pragma once

#include "guests/lib/command_line.h"
#include "guests/lib/console.h"

namespace hypervisor {

// Tries those of the ways whose name is `chosen`, or all of them if that is "all". `refuses` breaks the field, tries to enter
// L2, and returns true if the processor has refused. Returns true if there was such a way and each was refused.
template <typename Break, typename Refuses>
bool refuses_all(const Break* breaks, unsigned count, const char* chosen, Refuses refuses) {
    unsigned tried = 0, accepted = 0;
    for (unsigned i = 0; i < count; ++i) {
        if (!guest::word_is(chosen, "all") && !guest::word_is(chosen, breaks[i].name))
            continue;
        ++tried;
        if (!refuses(breaks[i])) {
            guest::print(breaks[i].name, ": entered\n");
            ++accepted;
        }
    }
    guest::print("broken in ", tried, " ways, entered in ", accepted, "\n");
    return tried != 0 && accepted == 0;
}

}  // namespace hypervisor
