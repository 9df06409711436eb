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

#include "vmm/exits/hardware/hardware_exits.h"
#include "vmm/exits/hardware/perf_event.h"
#include "vmm/exits/record/recorder.h"
#include "vmm/exits/record/statistics.h"
#include "vmm/exits/record/trace_ring.h"

namespace ringside::exits {

struct HardwareStatistics {
    VcpuStatistics statistics;             // times in nanoseconds
    std::vector<x86::HardwareExit> exits;  // statistics.recent[i] in full
    std::uint64_t lost = 0;                // records that the kernel had no room for
    std::uint64_t unpaired = 0;            // exits without a following entry: counted here only
};

// The exits of a guest's guest (L2), by who handled them, and what the hypervisor (L1) did. Times in nanoseconds.
struct InnerStatistics {
    VcpuStatistics by_kvm, by_hypervisor;
    HypervisorEvents events;
};

// One ring for each vCPU, drained by a thread that sleeps until a ring is a quarter full.
class HardwareTracer {
  public:
    static constexpr std::size_t kRingPages = 256;  // 1 MiB for each vCPU
    static constexpr std::size_t kRecent = 4096;

    // `threads` are the vCPUs' thread ids, in order. Fails, with advice, if tracefs or its KVM events are
    // missing or not permitted.
    static Result<std::unique_ptr<HardwareTracer>> start(std::span<const pid_t> threads,
                                                         const std::filesystem::path& tracefs);
    HardwareTracer(const HardwareTracer&) = delete;
    HardwareTracer& operator=(const HardwareTracer&) = delete;
    ~HardwareTracer();

    const TracepointFormat& exit_format() const { return tracepoints_.exit; }
    // Everything up to now, except an exit after which the guest has not been entered yet. Any thread.
    HardwareStatistics snapshot(VcpuIndex index);
    // Returns true if this kernel has the events that distinguish L2's exits from L1's.
    bool tells_levels() const { return tracepoints_.tell_levels(); }
    // Of a guest that is a hypervisor. Any thread.
    InnerStatistics inner_snapshot(VcpuIndex index);
    // A vCPU's last exit, if it has not been entered again, and what KVM has done since (HardwareExitDecoder).
    // Any thread.
    struct Pending {
        LevelledExit exit;
        std::string entry_failure;
        std::optional<std::uint32_t> made;
    };
    std::optional<Pending> pending(VcpuIndex index);
    void reset();
    // Recording is initially on.
    void enable(bool on);

    // Also passes every exit to a trace, through one ring for each vCPU. The rings must exist until the trace
    // is finished.
    void trace_to(std::vector<HardwareTraceRing*> rings);
    // Passes on what is left. An exit after which the guest was not entered again counts as unpaired.
    void finish_trace();

  private:
    struct Vcpu;
    HardwareTracer(KvmTracepoints tracepoints, std::vector<PerfRing> rings);
    void run();
    static void drain(Vcpu& vcpu);
    // How long the draining thread may sleep, for poll().
    int patience();

    KvmTracepoints tracepoints_;
    std::mutex mutex_;  // protects the vCPUs' state and rings from the draining thread and snapshots
    std::vector<std::unique_ptr<Vcpu>> vcpus_;
    TraceWakeup stop_wakeup_;
    std::atomic<bool> stop_{false};
    std::thread thread_;
};

}  // namespace ringside::exits
