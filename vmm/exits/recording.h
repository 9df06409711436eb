// Everything that is known about a run's exits, as a value: what exporters and reports are made from. It
// comes from a trace file, or from a live machine's recorders.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "vmm/exits/statistics.h"
#include "vmm/exits/tsc_clock.h"

namespace ringside::exits {

struct RecordingInfo {
    std::string kernel;        // path as given to `ringside run`; empty if not known
    std::string started;       // wall-clock time, ISO 8601 in UTC
    std::uint64_t origin = 0;  // the clock's ticks at time zero
};

struct VcpuRecording {
    std::uint32_t vcpu = 0;
    VcpuStatistics statistics;      // `recent` holds every exit that the recording has
    std::uint64_t dropped = 0;      // came faster than they could be written
    std::uint64_t overwritten = 0;  // older than the size bound lets a recording reach back
};

struct Recording {
    RecordingInfo info;
    TickRate rate;
    std::vector<VcpuRecording> vcpus;  // by index
    bool complete = true;              // false: the writer was killed, or the file is damaged
};

// From a live machine: one snapshot for each vCPU.
Recording make_recording(RecordingInfo info, TickRate rate, std::vector<VcpuStatistics> vcpus);

// One line for each thing that the recording does not hold; empty if it holds all.
std::vector<std::string> describe_losses(const Recording& recording);

}  // namespace ringside::exits
