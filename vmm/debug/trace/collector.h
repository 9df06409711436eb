// Collects what tracepoints request, on the thread of the vCPU that has hit one. The experiment must be locked.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "arch/x86_64/registers.h"
#include "vmm/debug/guest/guest_view.h"
#include "vmm/debug/run_control/condition_scope.h"
#include "vmm/debug/run_control/hit_tracer.h"
#include "vmm/debug/trace/experiment.h"
#include "vmm/machine/machine.h"

namespace ringside::debug {

// The value that a trace state variable has for this vCPU; nullopt if no variable has the number.
std::optional<std::uint64_t> value_of(Experiment& experiment, VcpuIndex vcpu, std::uint32_t number);

// An agent expression's view of the machine and of the experiment. It collects while a frame is open.
class TraceScope final : public ConditionScope {
  public:
    TraceScope(Experiment& experiment, const x86::RegisterFile& file, const GuestView& view)
        : ConditionScope(file, view), experiment_(experiment), chunk_(kChunk) {}

    void look_at(const TracedState& state);
    void set_collecting(bool on) { collecting_ = on; }
    // Returns true if the buffer had no room.
    bool full() const { return full_; }

    // As much of it as can be read; the rest is missing.
    bool trace_memory(std::uint64_t address, std::uint64_t size) override;
    bool trace_variable(std::uint16_t number) override;
    std::optional<std::uint64_t> get_variable(std::uint16_t number) override;
    bool set_variable(std::uint16_t number, std::uint64_t value) override;

  private:
    static constexpr std::size_t kChunk = 0x8000;

    Experiment& experiment_;
    std::vector<std::byte> chunk_;
    bool collecting_ = false, full_ = false;
    VcpuIndex vcpu_;
};

class Collector {
  public:
    Collector(Experiment& experiment, const x86::RegisterFile& file, const GuestView& view,
              const machine::CpuFeatures& features)
        : experiment_(experiment), file_(file), features_(features), scope_(experiment, file, view) {}

    // As HitTracer's. `experiment` is its number.
    void on_hit(std::uint64_t address, const TracedState& state, std::uint64_t experiment,
                std::vector<TracedSteps>& steps);
    void on_step(const TracedState& state, std::uint64_t experiment, std::vector<TracedSteps>& steps);

  private:
    using Tracepoint = Experiment::Tracepoint;

    bool holds(const Tracepoint& tracepoint);
    // Returns false if the experiment has ended with it.
    bool collect(Tracepoint& tracepoint, bool stepping, const TracedState& state);
    // Returns false if something went wrong: then the frame may have been removed.
    bool act(const Tracepoint& tracepoint, bool stepping, const TracedState& state);
    bool act(const Tracepoint& tracepoint, const gdbstub::TraceAction& action, const TracedState& state);
    bool collect_memory(const Tracepoint& tracepoint, const gdbstub::CollectMemory& memory);
    bool collect_registers(const Tracepoint& tracepoint, const TracedState& state);
    bool fail(const Tracepoint& tracepoint, std::string_view why);
    bool fill();
    void count_pass(const Tracepoint& tracepoint);

    Experiment& experiment_;
    const x86::RegisterFile& file_;
    const machine::CpuFeatures& features_;
    TraceScope scope_;
    x86::CpuState state_;
    std::vector<std::byte> block_;
};

}  // namespace ringside::debug
