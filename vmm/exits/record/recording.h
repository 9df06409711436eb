// Everything that is known about a run's exits, as a value from which exporters and reports work. It comes
// from a trace file, or from a live machine's recorders.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "arch/x86_64/exit_reasons.h"
#include "vmm/exits/record/statistics.h"
#include "vmm/exits/record/tsc_clock.h"

namespace ringside::exits {

// The kind of hardware exits in a recording, and the running kernel's own names for their reasons.
struct HardwareDescription {
    x86::VirtualizationKind kind = x86::VirtualizationKind::Vmx;
    std::map<std::uint32_t, std::string> names;
    friend bool operator==(const HardwareDescription&, const HardwareDescription&) = default;
};

struct RecordingInfo {
    std::string kernel;        // path as given to `ringside run`; empty if not known
    std::string started;       // wall-clock time, ISO 8601 in UTC
    std::uint64_t origin = 0;  // the clock's ticks at time zero
    std::int64_t slide = 0;    // distance of the guest from the addresses of its symbols
    std::optional<HardwareDescription> hardware = std::nullopt;
    std::string missing_hardware = {};  // why there are no hardware exits; empty if there are
};

struct VcpuRecording {
    std::uint32_t vcpu = 0;
    VcpuStatistics statistics;                // `recent` holds every exit that the recording has
    std::vector<x86::HardwareExit> hardware;  // for hardware exits: statistics.recent[i] in full
    std::uint64_t dropped = 0;                // exits that came faster than they could be written
    std::uint64_t overwritten = 0;            // old exits that were overwritten to respect the size limit
    std::uint64_t lost = 0;                   // for hardware exits: events that the kernel had no room for
    std::uint64_t unpaired = 0;               // for hardware exits: those without a following entry
};

// One tier's exits.
struct Recording {
    RecordingInfo info;  // with this tier's origin
    TickRate rate;
    std::vector<VcpuRecording> vcpus;  // by index
    bool complete = true;              // false: the writer was killed, or the file is damaged
};

// Both tiers of one run, on one time line.
struct RunRecording {
    Recording userspace;
    std::optional<Recording> hardware;  // nullopt if none were recorded
};

// From a live machine: one snapshot for each vCPU.
Recording make_recording(RecordingInfo info, TickRate rate, std::vector<VcpuStatistics> vcpus);

// One line for each thing that a tier's recording lacks; empty if it is complete.
std::vector<std::string> describe_losses(const Recording& recording);

// The reason why expected hardware exits are missing; empty if they are present.
std::string describe_missing_hardware(const RunRecording& run);

// A note for the case that tracing was on and no event came although the guest exited. Empty if
// `hardware_exits` is not 0, or if each vCPU may still be at its first exit, which is counted once the guest
// is entered again.
std::string describe_silent_tracepoints(std::uint64_t userspace_exits, std::uint64_t hardware_exits,
                                        std::size_t vcpus);

}  // namespace ringside::exits
