// A trace experiment: its definitions, what it has collected, and its state. Independent of vCPUs; if threads share
// one, they must lock it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gdbstub/tracepoints.h"
#include "vmm/debug/trace/frame_buffer.h"

namespace ringside::debug {

class Experiment {
  public:
    static constexpr std::uint64_t kDefaultSize = 5u << 20;
    static constexpr std::uint64_t kMostSize = 1u << 30;
    static constexpr std::size_t kMostTracepoints = 1000;
    static constexpr std::size_t kMostVariables = 1000;
    // The limit of everything that a client defines: actions, conditions, sources, names.
    static constexpr std::size_t kMostDefined = 4u << 20;

    // Predefined variables: microseconds since 1970, and the index of the vCPU that hit.
    static constexpr std::string_view kTimestamp = "trace_timestamp", kVcpu = "trace_vcpu";

    struct Tracepoint : gdbstub::DefinedTracepoint {
        std::size_t serial = 0;  // no other one of the experiment has it
        bool complete = false;
        gdbstub::TracepointUse use;
    };
    struct Variable : gdbstub::TraceVariable {
        std::uint64_t now = 0;
    };

    Experiment() { make_builtin_variables(); }

    // ---- Definitions

    void clear();
    gdbstub::Result<void> define(const gdbstub::TracepointHead& head, bool complete);
    gdbstub::Result<void> add(gdbstub::TracepointActions actions, bool complete);
    gdbstub::Result<void> add(gdbstub::TracepointSource source);
    gdbstub::Result<void> define(gdbstub::TraceVariable variable);
    gdbstub::Result<void> enable(gdbstub::TracepointId id, bool on);
    void remove(gdbstub::TracepointId id);
    gdbstub::Result<void> set_buffer_size(std::optional<std::uint64_t> size);
    gdbstub::Result<void> set_circular(bool on);
    void set_disconnected(bool on) { disconnected_ = on; }
    void set_notes(const gdbstub::TraceNotes& notes);

    // ---- Its progress

    gdbstub::Result<void> start(std::uint64_t now);
    void stop(gdbstub::TraceEnd why, std::uint64_t now, std::uint32_t tracepoint = 0,
              std::string_view error = {});
    bool running() const { return running_; }
    bool disconnected() const { return disconnected_; }
    gdbstub::TraceStatus status() const;

    std::vector<Tracepoint>& tracepoints() { return tracepoints_; }
    const std::vector<Tracepoint>& tracepoints() const { return tracepoints_; }
    const Tracepoint* find(gdbstub::TracepointId id) const;
    Tracepoint* by_serial(std::size_t serial);
    // The code addresses that are to be watched now.
    std::vector<std::uint64_t> places() const;

    const std::vector<Variable>& variables() const { return variables_; }
    Variable* variable(std::uint32_t number);

    FrameBuffer& buffer() { return buffer_; }
    const FrameBuffer& buffer() const { return buffer_; }

    // ---- Frames

    // The address of the one tracepoint of this number; nullopt if there are several.
    std::optional<std::uint64_t> only_address(std::uint32_t number) const;
    // The frame at an index of the buffer.
    std::optional<FrameBuffer::Frame> frame(std::uint32_t number) const;

  private:
    void make_builtin_variables();
    Tracepoint* find(gdbstub::TracepointId id);
    gdbstub::Result<Tracepoint*> open_definition(gdbstub::TracepointId id);
    gdbstub::Result<void> spend(std::size_t bytes);
    gdbstub::Result<void> check_stopped() const;

    std::vector<Tracepoint> tracepoints_;
    std::vector<Variable> variables_;
    std::size_t next_serial_ = 0;
    std::size_t defined_ = 0;  // bytes
    FrameBuffer buffer_;
    std::uint64_t size_ = kDefaultSize;
    bool circular_ = false, disconnected_ = false, running_ = false;
    gdbstub::TraceEnd end_ = gdbstub::TraceEnd::NotRun;
    std::uint32_t ended_by_ = 0;
    std::string error_;
    std::uint64_t started_ = 0, stopped_ = 0;
    gdbstub::TraceNotes notes_;
};

}  // namespace ringside::debug
