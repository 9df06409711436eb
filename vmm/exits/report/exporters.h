// A recording in other programs' formats.
#pragma once

#include <iosfwd>
#include <span>
#include <string>
#include <vector>

#include "vmm/exits/record/recording.h"
#include "vmm/exits/report/tables.h"

namespace ringside::exits {

// One tier of a run, and what describes it in words.
struct TierView {
    const Recording& recording;
    const Source& source;
    const Names& names;
};
using TierViews = std::span<const TierView>;

// The Trace Event Format (JSON) of chrome://tracing and Perfetto. Each vCPU has one track per tier. A track
// has a slice for the time before each exit and one for the exit, with qualification, value and guest address
// as arguments. The output is streamed without a copy in memory. `notes` say what else is missing.
void write_chrome_trace(std::ostream& out, TierViews tiers, const std::vector<std::string>& notes = {});

// One line per exit (RFC 4180), tier by tier, in each vCPU's order: times in nanoseconds from the recording's
// origin.
void write_csv(std::ostream& out, TierViews tiers);

// One self-contained page: no network, works from a file. Tables are computed from all exits; the timeline
// shows at most `timeline_limit` of the newest exits of each vCPU and tier, and says so.
void write_html_report(std::ostream& out, TierViews tiers, const std::vector<std::string>& notes = {},
                       std::size_t timeline_limit = 100'000);

// The i-th of a vCPU's exits in words: its decoded qualification, or its access.
std::string describe_exit(const TierView& tier, const VcpuRecording& vcpu, std::size_t i);

}  // namespace ringside::exits
