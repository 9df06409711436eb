// Writes a trace file of bounded size from a thread of its own, so that a vCPU's thread only ever pushes into
// a ring.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <thread>
#include <vector>

#include "vmm/exits/recording.h"
#include "vmm/exits/trace_ring.h"
#include "vmm/exits/trace_segments.h"
#include "vmm/types.h"

namespace ringside::exits {

class TraceWriter {
  public:
    // Creates the file and starts the thread. `info.origin` is set from `clock`.
    static Result<std::unique_ptr<TraceWriter>> start(const std::filesystem::path& path, std::uint32_t vcpus,
                                                      RecordingInfo info, const TscClock& clock,
                                                      TraceBounds bounds = {});
    TraceWriter(const TraceWriter&) = delete;
    TraceWriter& operator=(const TraceWriter&) = delete;
    ~TraceWriter();

    // Where a vCPU's thread pushes its exits, from start() to finish().
    TraceRing& ring(VcpuIndex vcpu) { return *rings_[vcpu.value]; }

    // Writes what is left and closes the file; returns what failed while writing, if anything did. Once a
    // write fails (a full disk), the recording ends there and further exits are drained and forgotten.
    Result<void> finish();

  private:
    TraceWriter(TraceSegments segments, std::uint32_t vcpus);
    void run();
    bool write_pending();

    TraceSegments segments_;
    TraceWakeup wakeup_;
    std::vector<std::unique_ptr<TraceRing>> rings_;
    std::vector<std::uint64_t> reported_drops_;
    Result<void> outcome_;
    std::atomic<bool> stop_{false};
    std::thread thread_;
};

}  // namespace ringside::exits
