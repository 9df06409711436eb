// What is measured of a debugged guest, from the client's side of the wire. Each runs for about `seconds` and
// returns a rate. The client must have stopped the guest inside its loop: see stop_in_loop().
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "tests/support/rsp_client.h"

namespace ringside::bench {

using Seconds = std::chrono::duration<double>;

// Takes a fresh guest from wherever its VMM has stopped it to the function that it calls for ever. Not every host has
// breakpoints for every stub: where none is hit, it is done by Ctrl-C and steps.
void stop_in_loop(testing::RspClient&);

// Returns true if a breakpoint of this type stops the guest. If it does not within some seconds, Ctrl-C does.
bool breakpoint_works(testing::RspClient&, char breakpoint_type);

// vCont;s round trips: instructions per second.
double steps(testing::RspClient&, Seconds);
// vCont;r over a loop of two instructions: instructions per second. nullopt if the stub offers no range step.
std::optional<double> range_steps(testing::RspClient&, Seconds);
// The same while the run is recorded. nullopt if the stub records none.
std::optional<double> recorded_steps(testing::RspClient&, Seconds);
// Ringside's `monitor snapshot restore`, after the guest has run for a moment: the median, in seconds.
double restore(testing::RspClient&, Seconds);
// `m` packets as long as the stub allows: MiB of guest memory per second.
double hex_reads(testing::RspClient&, Seconds);
// `x` packets likewise. nullopt if the stub offers none.
std::optional<double> binary_reads(testing::RspClient&, Seconds);
// `m` packets of 8 bytes: reads per second.
double small_reads(testing::RspClient&, Seconds);
// A breakpoint whose condition is false, as gdb tests it: stop, read, remove, step, insert, continue. Hits
// per second.
double conditions_in_client(testing::RspClient&, char breakpoint_type, Seconds);
// The same condition as an agent expression in the stub. nullopt if it evaluates none.
std::optional<double> conditions_in_stub(testing::RspClient&, Seconds);

}  // namespace ringside::bench
