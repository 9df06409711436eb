// What a session needs from a target that has tracepoints: places where data is collected while the target runs on.
//
// The target keeps everything that belongs to an experiment, because it outlives the client: the definitions, the trace
// state variables, and the buffer of trace frames. The session keeps which frame a client has selected.
//
// A frame is in gdb's own format (gdb manual, "Trace File Format"): the tracepoint's number in 2 bytes, the size of
// what follows in 4, and blocks: 'R' and the g block; 'M', an address in 8 bytes, a length in 2, and memory; 'V', a
// trace state variable's number in 4 and its value in 8. Numbers are little-endian.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "gdbstub/result.h"
#include "gdbstub/target.h"

namespace ringside::gdbstub {

// gdb gives all locations of one `trace` command the same number.
struct TracepointId {
    std::uint32_t number = 0;
    Address address = 0;
    friend constexpr auto operator<=>(const TracepointId&, const TracepointId&) = default;
};

// ---- What is collected. Whichever registers a client names, a frame gets the whole g block: its format has no other.
struct CollectRegisters {
    friend bool operator==(const CollectRegisters&, const CollectRegisters&) = default;
};
struct CollectMemory {
    std::optional<std::uint32_t> base;  // a register that is added to the offset
    std::uint64_t offset = 0;
    std::uint64_t size = 0;
    friend bool operator==(const CollectMemory&, const CollectMemory&) = default;
};
struct CollectExpression {  // an agent expression that collects data or sets variables
    std::vector<std::byte> code;
    friend bool operator==(const CollectExpression&, const CollectExpression&) = default;
};
using TraceAction = std::variant<CollectRegisters, CollectMemory, CollectExpression>;

struct TracepointHead {
    TracepointId id;
    bool enabled = true;
    std::uint64_t steps = 0;   // while-stepping: how many instructions
    std::uint64_t passes = 0;  // ends the experiment at this hit; 0: never
    std::vector<std::byte> condition;
};
struct TracepointActions {
    TracepointId id;
    bool stepping = false;  // done after each step
    std::vector<TraceAction> actions;
    std::string text;  // as the client has sent them
};
// A piece of what a user has typed, which gdb reads back when it attaches again: "at", "cond" or "cmd".
struct TracepointSource {
    TracepointId id;
    std::string type;
    std::uint64_t start = 0, total = 0;
    std::string hex;
};
struct TraceVariable {
    std::uint32_t number = 0;
    std::uint64_t value = 0;  // to begin with
    bool builtin = false;
    std::string name;
};

// One tracepoint as it was defined, for a client that attaches later.
struct DefinedTracepoint {
    TracepointHead head;
    std::vector<TracepointActions> actions;
    std::vector<TracepointSource> sources;
};

// ---- How it goes

enum class TraceEnd : std::uint8_t { NotRun, Stopped, Full, PassCount, Error, Disconnected };

// A user's notes, in hexadecimal digits.
struct TraceNotes {
    std::string user, notes, stop;
};

struct TraceStatus {
    bool running = false;
    TraceEnd end = TraceEnd::NotRun;  // why it does not run
    std::uint32_t tracepoint = 0;     // the tracepoint that has ended it
    std::string error;
    std::uint64_t frames = 0;   // in the buffer
    std::uint64_t created = 0;  // since the start
    std::uint64_t size = 0, free = 0;
    bool circular = false, disconnected = false;
    std::uint64_t started = 0, stopped = 0;  // microseconds since 1970; 0: not yet
    TraceNotes notes;
};

struct TracepointUse {
    std::uint64_t hits = 0;
    std::uint64_t bytes = 0;  // in the buffer, since the start
};

// ---- Frames

struct FrameSearch {
    enum class By : std::uint8_t { Number, Pc, Tracepoint, Inside, Outside };
    By by = By::Number;
    std::uint64_t first = 0;  // the number, the address, or the range's first address
    std::uint64_t last = 0;   // the range's last address
};

struct FoundFrame {
    std::uint32_t number = 0;
    std::uint32_t tracepoint = 0;
};

struct FrameContents {
    std::vector<std::pair<Address, std::uint64_t>> memory;  // where, and how many bytes
    std::vector<std::uint32_t> variables;
};

class Tracepoints {
  public:
    virtual ~Tracepoints() = default;

    // Ends an experiment and forgets its definitions and frames.
    virtual void clear() = 0;
    // `complete`: no more actions follow for this tracepoint; sources follow the actions. While an experiment runs, a
    // tracepoint takes effect when it is complete. `thread` gives the address space in which its address is looked up; if
    // it cannot be planted there, that is an error, and it is not defined.
    virtual Result<void> define(const TracepointHead&, bool complete, ThreadId thread) = 0;
    virtual Result<void> add(TracepointActions, bool complete, ThreadId thread) = 0;
    virtual Result<void> add(TracepointSource, ThreadId thread) = 0;
    virtual Result<void> define(TraceVariable) = 0;
    virtual Result<void> enable(TracepointId, bool on, ThreadId thread) = 0;
    // `size`: nullopt for the default.
    virtual Result<void> set_buffer_size(std::optional<std::uint64_t> size) = 0;
    virtual Result<void> set_circular(bool on) = 0;
    // The experiment continues when its client has left.
    virtual void set_disconnected(bool on) = 0;
    // Those that are given replace the old ones.
    virtual void set_notes(const TraceNotes&) = 0;

    // `thread` gives the address space in which the tracepoints' addresses are looked up.
    virtual Result<void> start(ThreadId thread) = 0;
    virtual void stop(ThreadId thread) = 0;

    virtual TraceStatus status() const = 0;
    virtual std::optional<TracepointUse> use(TracepointId) const = 0;
    virtual std::optional<std::uint64_t> variable(std::uint32_t number) const = 0;
    virtual std::vector<DefinedTracepoint> tracepoints() const = 0;
    virtual std::vector<TraceVariable> variables() const = 0;

    // The first frame after `after`, or from the oldest on, that matches. A frame's number is its index in the buffer.
    virtual std::optional<FoundFrame> find(const FrameSearch&, std::optional<std::uint32_t> after) const = 0;
    // The contents of a frame. nullopt if it was not collected, or if there is no such frame.
    virtual std::optional<std::vector<std::byte>> frame_registers(std::uint32_t frame) const = 0;
    virtual std::optional<Address> frame_pc(std::uint32_t frame) const = 0;
    // Returns how many bytes are available from the start.
    virtual std::size_t frame_memory(std::uint32_t frame, Address, std::span<std::byte> out) const = 0;
    virtual std::optional<std::uint64_t> frame_variable(std::uint32_t frame, std::uint32_t number) const = 0;
    virtual FrameContents frame_contents(std::uint32_t frame) const = 0;
    // All frames, one after the other, from `offset` on. Returns how many bytes there were.
    virtual std::size_t read_buffer(std::uint64_t offset, std::span<std::byte> out) const = 0;
};

}  // namespace ringside::gdbstub
