// Tier 2 of exit recording: the hardware's own exits, from the kernel's tracepoints.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <span>
#include <thread>
#include <vector>

#include "vmm/exits/hardware_exits.h"
#include "vmm/exits/perf_event.h"
#include "vmm/exits/recorder.h"
#include "vmm/exits/statistics.h"
#include "vmm/exits/tables.h"
#include "vmm/exits/trace_ring.h"

namespace ringside::exits {

struct HardwareStatistics {
    VcpuStatistics statistics;             // times in nanoseconds
    std::vector<x86::HardwareExit> exits;  // what statistics.recent[i] was, in full
    std::uint64_t lost = 0;                // records that the kernel had no room for
    std::uint64_t unpaired = 0;            // exits without a following entry: counted here only
};

// One ring for each vCPU, drained by a thread that sleeps until a ring is a quarter full.
class HardwareTracer {
  public:
    static constexpr std::size_t kRingPages = 256;  // 1 MiB for each vCPU
    static constexpr std::size_t kRecent = 4096;

    // `threads` are the vCPUs' thread ids, in their order. Fails, with advice, where tracefs or its KVM
    // events are missing or not permitted.
    static Result<std::unique_ptr<HardwareTracer>> start(std::span<const pid_t> threads,
                                                         const std::filesystem::path& tracefs);
    HardwareTracer(const HardwareTracer&) = delete;
    HardwareTracer& operator=(const HardwareTracer&) = delete;
    ~HardwareTracer();

    const TracepointFormat& exit_format() const { return tracepoints_.exit; }
    // Everything up to now, except an exit after which the guest was not entered yet. Any thread.
    HardwareStatistics snapshot(VcpuIndex index);
    // The exit that a vCPU came out of last, if it has not been entered again. Any thread.
    std::optional<HardwareRecord> pending(VcpuIndex index);
    void reset();
    // Recording is on at first.
    void enable(bool on);

    // Hands every exit on to a trace as well, to one ring for each vCPU, which must stay until the trace is
    // finished.
    void trace_to(std::vector<HardwareTraceRing*> rings);
    // Hands on what is left. An exit that the guest was not entered after again counts as unpaired.
    void finish_trace();

  private:
    struct Vcpu;
    HardwareTracer(KvmTracepoints tracepoints, std::vector<PerfRing> rings);
    void run();
    static void drain(Vcpu& vcpu);
    // How long the draining thread may sleep, for poll().
    int patience();

    KvmTracepoints tracepoints_;
    std::mutex mutex_;  // guards the vCPUs' state and rings: the draining thread and those who take snapshots
    std::vector<std::unique_ptr<Vcpu>> vcpus_;
    TraceWakeup stop_wakeup_;
    std::atomic<bool> stop_{false};
    std::thread thread_;
};

// Adds what the tables do not hold to a table's notes.
void note_hardware_losses(Table& table, const HardwareStatistics& statistics);

}  // namespace ringside::exits
