// Tracepoints: the experiment that clients define and vCPUs collect for.
//
// Threading: gdbstub::Tracepoints is for the server's thread, HitTracer for any vCPU's, at any time; one lock
// separates them. Where tracepoints are planted changes only while every vCPU is parked.
#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <vector>

#include "gdbstub/tracepoints.h"
#include "vmm/debug/trace/collector.h"
#include "vmm/debug/trace/frame_blocks.h"

namespace ringside::debug {

class Tracing final : public gdbstub::Tracepoints, public HitTracer {
  public:
    // Watches these addresses and no others, in a thread's address space. Fails while the guest runs.
    using Place = std::function<gdbstub::Result<void>(gdbstub::ThreadId, const std::vector<std::uint64_t>&)>;

    Tracing(const x86::RegisterFile& file, const GuestView& view, const machine::CpuFeatures& features,
            Place place)
        : file_(file), place_(std::move(place)), collector_(experiment_, file, view, features) {}

    // Every vCPU is parked, and the guest is about to run on: removes what an ended experiment has planted.
    void settle();
    // The same for a client that leaves; an experiment that is not to continue without it ends.
    void client_left();

    // gdbstub::Tracepoints
    void clear() override;
    gdbstub::Result<void> define(const gdbstub::TracepointHead&, bool complete, gdbstub::ThreadId) override;
    gdbstub::Result<void> add(gdbstub::TracepointActions, bool complete, gdbstub::ThreadId) override;
    gdbstub::Result<void> add(gdbstub::TracepointSource, gdbstub::ThreadId) override;
    gdbstub::Result<void> define(gdbstub::TraceVariable) override;
    gdbstub::Result<void> enable(gdbstub::TracepointId, bool on, gdbstub::ThreadId) override;
    gdbstub::Result<void> set_buffer_size(std::optional<std::uint64_t> size) override;
    gdbstub::Result<void> set_circular(bool on) override;
    void set_disconnected(bool on) override;
    void set_notes(const gdbstub::TraceNotes&) override;
    gdbstub::Result<void> start(gdbstub::ThreadId) override;
    void stop(gdbstub::ThreadId) override;
    gdbstub::TraceStatus status() const override;
    std::optional<gdbstub::TracepointUse> use(gdbstub::TracepointId) const override;
    std::optional<std::uint64_t> variable(std::uint32_t number) const override;
    std::vector<gdbstub::DefinedTracepoint> tracepoints() const override;
    std::vector<gdbstub::TraceVariable> variables() const override;
    std::optional<gdbstub::FoundFrame> find(const gdbstub::FrameSearch&,
                                            std::optional<std::uint32_t> after) const override;
    std::optional<std::vector<std::byte>> frame_registers(std::uint32_t frame) const override;
    std::optional<gdbstub::Address> frame_pc(std::uint32_t frame) const override;
    std::size_t frame_memory(std::uint32_t frame, gdbstub::Address, std::span<std::byte> out) const override;
    std::optional<std::uint64_t> frame_variable(std::uint32_t frame, std::uint32_t number) const override;
    gdbstub::FrameContents frame_contents(std::uint32_t frame) const override;
    std::size_t read_buffer(std::uint64_t offset, std::span<std::byte> out) const override;

    // HitTracer
    std::uint64_t experiment() const override { return number_; }
    void on_hit(std::uint64_t address, const TracedState& state, std::vector<TracedSteps>& steps) override;
    void on_step(const TracedState& state, std::vector<TracedSteps>& steps) override;
    std::optional<std::uint64_t> variable_of(VcpuIndex vcpu, std::uint32_t number) override;

  private:
    gdbstub::Result<void> place(gdbstub::ThreadId thread);
    // Changes a tracepoint's definition. If it is complete with that, and the experiment runs, it is planted.
    template <typename Change>
    gdbstub::Result<void> install(gdbstub::TracepointId id, gdbstub::ThreadId thread, Change change);
    bool fits(const gdbstub::FrameSearch& search, const gdbstub::FoundFrame& found,
              const FrameBuffer::Frame& frame) const;
    std::optional<gdbstub::Address> pc_of(const FrameBuffer::Frame& frame) const;
    std::optional<FrameReader> reader(std::uint32_t frame) const;

    const x86::RegisterFile& file_;
    Place place_;
    mutable std::mutex mutex_;
    Experiment experiment_;
    Collector collector_;
    std::atomic<std::uint64_t> number_ = 0;
    bool placed_ = false;  // something is planted
};

}  // namespace ringside::debug
