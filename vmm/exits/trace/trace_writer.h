// Writes a trace file of bounded size from a thread of its own, so that a vCPU's thread only ever pushes into
// a ring.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "vmm/base/error.h"
#include "vmm/base/ids.h"
#include "vmm/exits/record/recording.h"
#include "vmm/exits/record/trace_ring.h"
#include "vmm/exits/trace/trace_segments.h"

namespace ringside::exits {

class TraceWriter {
  public:
    // Creates the file and starts the thread. `info.origin` is set from `clock`.
    static Result<std::unique_ptr<TraceWriter>> start(const std::filesystem::path& path, std::uint32_t vcpus,
                                                      const RecordingInfo& info, const TscClock& clock,
                                                      TraceBounds bounds = {});
    TraceWriter(const TraceWriter&) = delete;
    TraceWriter& operator=(const TraceWriter&) = delete;
    ~TraceWriter();

    // Where a vCPU's thread pushes its exits, from start() to finish().
    TraceRing& ring(VcpuIndex vcpu) { return *rings_[vcpu.value]; }

    // Makes room for hardware exits; once, before the first of them, while this thread alone uses the writer.
    void add_hardware_rings();
    // Where hardware exits are pushed by one thread at a time, from add_hardware_rings() to finish().
    HardwareTraceRing& hardware_ring(VcpuIndex vcpu) { return *hardware_rings_[vcpu.value]; }
    // Something about the run has become known. Any thread.
    void update(RecordingInfo info);

    // Writes what is left and closes the file; returns what failed while writing, if anything did. Once a
    // write fails (a full disk), the recording ends there and further exits are drained and forgotten.
    Result<void> finish();

  private:
    TraceWriter(TraceSegments segments, std::uint32_t vcpus);
    void run();
    bool write_pending();
    bool write_news();
    bool write_exits(std::uint32_t vcpu);
    bool write_hardware_exits(std::uint32_t vcpu);
    bool any_pending() const;

    TraceSegments segments_;
    TraceWakeup wakeup_;
    std::vector<std::unique_ptr<TraceRing>> rings_;
    std::vector<std::unique_ptr<HardwareTraceRing>> hardware_rings_;  // to be read once has_hardware_ is set
    std::atomic<bool> has_hardware_{false};
    std::vector<TraceLosses> reported_;           // by vCPU: what the file says already
    std::vector<TraceLosses> hardware_reported_;  // likewise
    std::mutex news_mutex_;
    std::optional<RecordingInfo> news_;  // to be written
    Result<void> outcome_;
    std::atomic<bool> stop_{false};
    std::thread thread_;
};

}  // namespace ringside::exits
