// A recording in other programs' formats.
#pragma once

#include <iosfwd>

#include "vmm/exits/recording.h"
#include "vmm/exits/tables.h"

namespace ringside::exits {

// The Trace Event Format (JSON) of chrome://tracing and Perfetto: one track per vCPU, on it a slice for the
// time before each exit and one for the exit, with port, address, value and guest address as arguments.
// Streamed: no copy in memory.
void write_chrome_trace(std::ostream& out, const Recording& recording, const Source& source,
                        const Names& names);

// One line per exit (RFC 4180), in each vCPU's order: times in nanoseconds from the recording's origin.
void write_csv(std::ostream& out, const Recording& recording, const Source& source, const Names& names);

// One self-contained page: no network, works from a file. Tables are computed from all exits; the timeline
// shows at most `timeline_limit` of the newest exits of each vCPU and says so.
void write_html_report(std::ostream& out, const Recording& recording, const Source& source,
                       const Names& names, std::size_t timeline_limit = 100'000);

}  // namespace ringside::exits
