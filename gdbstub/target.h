// What a debugger's session needs from the machine that it debugs.
//
// A Target is a bundle of capability interfaces. Four are mandatory; the others may be absent (nullptr), and
// the session derives qSupported and its empty replies from those present. Nothing here depends on a CPU
// architecture.
//
// Threading: the session calls every method from one thread (the server's). All calls but resume(),
// interrupt(), attach(), kill(), detach(), client_lost() and those that read no state of the guest are made only
// while every thread that they touch is stopped. Calls may take as long as a stopped machine needs to answer, but do not wait for the guest to run.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "gdbstub/result.h"

namespace ringside::gdbstub {

// A thread as gdb counts them: from 1. (0 means "any" and -1 "all" on the wire; neither is ever a ThreadId.)
struct ThreadId {
    std::uint32_t value = 1;
    friend constexpr auto operator<=>(const ThreadId&, const ThreadId&) = default;
};

// A virtual address as the client names it.
using Address = std::uint64_t;

// Signal numbers as gdb's remote protocol defines them (include/gdb/signals.def).
enum class Signal : std::uint8_t {
    None = 0,
    Int = 2,
    Ill = 4,
    Trap = 5,
    Abort = 6,
    Fpe = 8,
    Kill = 9,
    Bus = 10,
    Segv = 11
};

enum class WatchKind : std::uint8_t { Write, Read, Access };

// Why the target stopped. The variant's alternatives are the stop reasons that the protocol can express.
struct StoppedBySignal {  // the end of a step, an exception, or (Signal::None) a stop requested with vCont;t
    Signal signal = Signal::Trap;
    bool step_done = false;  // LLDB tells "trace" from "signal"
};
struct StoppedBySoftwareBreakpoint {};
struct StoppedByHardwareBreakpoint {};
struct StoppedByWatchpoint {
    WatchKind kind = WatchKind::Write;
    Address address = 0;
};
struct StoppedByInterrupt {};  // Ctrl-C
struct ReplayLogEnd {          // reverse execution reached an end of the log
    bool at_begin = true;
};
struct Exited {  // the machine no longer exists: no thread is left
    std::uint8_t status = 0;
};
struct Terminated {
    Signal signal = Signal::Kill;
};
using StopReason = std::variant<StoppedBySignal, StoppedBySoftwareBreakpoint, StoppedByHardwareBreakpoint,
                                StoppedByWatchpoint, StoppedByInterrupt, ReplayLogEnd, Exited, Terminated>;

// One stop, as the target reports it to the session.
struct StopEvent {
    ThreadId thread;
    StopReason reason;
    // Shown to the user as console output just before the stop ("triple fault: ..."); empty for none.
    std::string console;
};

// How one thread is to be resumed.
struct Continue {
    std::optional<Signal> signal;
};
struct Step {
    std::optional<Signal> signal;
};
struct RangeStep {  // step once, and continue while start <= pc < end
    Address start = 0;
    Address end = 0;
};
using ResumeAction = std::variant<Continue, Step, RangeStep>;

struct ThreadResume {
    ThreadId thread;
    ResumeAction action;
};

// ---- Mandatory capabilities

struct ThreadInfo {
    ThreadId id;
    std::uint32_t core = 0;
    std::string name;   // "vCPU 0"
    std::string extra;  // shown by `info threads`: run state, CPU mode, ...
};

class Threads {
  public:
    virtual ~Threads() = default;
    virtual std::vector<ThreadId> threads() const = 0;  // in vCPU order
    virtual Result<ThreadInfo> thread_info(ThreadId) = 0;
};

// Registers are opaque, fixed-size fields, numbered as in the target description. A register with an unknown value
// reads as no bytes ("xx" on the wire), never as zeros.
class Registers {
  public:
    virtual ~Registers() = default;
    // Appends the `g` block for a thread to `out` as raw bytes and marks unavailable bytes in `unavailable`
    // (offset, length pairs). The block's length never changes while a client is attached.
    virtual Result<void> read_all(ThreadId, std::vector<std::byte>& out,
                                  std::vector<std::pair<std::size_t, std::size_t>>& unavailable) = 0;
    virtual Result<void> write_all(ThreadId, std::span<const std::byte>) = 0;
    virtual Result<std::vector<std::byte>> read(ThreadId, std::uint32_t regno) = 0;
    virtual Result<void> write(ThreadId, std::uint32_t regno, std::span<const std::byte>) = 0;
    // The numbers of the registers to send with each stop reply, so that a step needs no second round trip.
    virtual std::span<const std::uint32_t> expedited() const = 0;
    // The number of the program counter.
    virtual std::uint32_t pc() const = 0;
    // LLDB's QSaveRegisterState and QRestoreRegisterState.
    virtual Result<std::uint32_t> save(ThreadId) = 0;
    virtual Result<void> restore(ThreadId, std::uint32_t id) = 0;
    // LLDB's qRegisterInfo. nullopt for a number past the last.
    struct Info {
        std::string name, alt_name, set, generic;  // generic: pc, sp, fp, flags, arg1.. or empty
        std::string format, encoding;  // LLDB's words: hex, vector-uint8, float; uint, ieee754, vector
        std::uint32_t bits = 0;
        std::uint32_t offset = 0;  // offset in the g block
        std::int32_t dwarf = -1;
    };
    virtual std::optional<Info> info(std::uint32_t regno) const = 0;
};

struct MemoryRegion {  // LLDB's qMemoryRegionInfo
    Address start = 0;
    std::uint64_t size = 0;
    bool mapped = false, read = false, write = false, execute = false;
};

class Memory {
  public:
    virtual ~Memory() = default;
    // Reads up to out.size() bytes as seen by `thread`'s address space. Returns how many could be read from
    // the start; an error if none could.
    virtual Result<std::size_t> read(ThreadId, Address, std::span<std::byte> out) = 0;
    // Writes all bytes or nothing.
    virtual Result<void> write(ThreadId, Address, std::span<const std::byte>) = 0;
    virtual Result<MemoryRegion> region(ThreadId, Address) = 0;
    // Returns true if addresses are guest-physical (QEMU's Qqemu.PhyMemMode).
    virtual bool physical_mode() const = 0;
    virtual void set_physical_mode(bool) = 0;
};

class Execution {
  public:
    virtual ~Execution() = default;
    // Starts the named threads; the others stay stopped. Returns at once: the stop arrives at
    // Session::on_stop().
    virtual Result<void> resume(std::span<const ThreadResume>) = 0;
    // Asks a running target to stop. The answer is a StopEvent with StoppedByInterrupt, unless something else
    // stopped it first. No effect on a stopped one.
    virtual void interrupt() = 0;
    // Why the target is stopped now (`?`), also for a client that attaches later.
    virtual StopEvent last_stop() const = 0;
    // Other threads that reached a stop of their own before they were stopped with the rest. gdb gets one thread
    // for each stop: each of these is reported by a separate stop, at once when its thread is
    // resumed. A client that gets all threads with every stop gets them now: after reported_together() none
    // of them is reported again.
    virtual std::vector<StopEvent> simultaneous() const { return {}; }
    virtual void reported_together() {}
    virtual bool running() const = 0;
    // Ends the machine.
    virtual void kill() = 0;
    // A client has connected. An all-stop client expects a stopped target: a running one is asked to stop,
    // and the session holds the client's commands back until the StopEvent comes.
    virtual void attach() = 0;
    // The client detaches (D). The target removes every breakpoint, and the machine runs on.
    virtual void detach() = 0;
    // The client vanished. The target removes every breakpoint, and its own policy decides if the machine
    // runs on.
    virtual void client_lost() = 0;
};

// ---- Optional capabilities

enum class BreakpointKind : std::uint8_t {
    Software = 0,
    Hardware = 1,
    WriteWatch = 2,
    ReadWatch = 3,
    AccessWatch = 4
};

struct BreakpointRequest {
    BreakpointKind kind = BreakpointKind::Software;
    Address address = 0;
    std::uint64_t size = 1;  // for watchpoints, in bytes; else the protocol's architecture-specific "kind"
    // Agent expressions. A hit counts if any of `conditions` is true or there is none. It stops the thread,
    // unless there are `commands`: then they run, and the thread continues.
    std::vector<std::vector<std::byte>> conditions;
    std::vector<std::vector<std::byte>> commands;
    bool persist = false;  // the commands stay when the client has left
};

class Breakpoints {
  public:
    virtual ~Breakpoints() = default;
    virtual bool supports(BreakpointKind) const = 0;
    virtual bool evaluates_conditions() const = 0;
    // Returns true if `commands` are run where the breakpoint is hit. Their output arrives at
    // Session::on_console().
    virtual bool runs_commands() const { return false; }
    // Idempotent, as the protocol requires. `thread` determines the address space.
    virtual Result<void> insert(ThreadId, const BreakpointRequest&) = 0;
    virtual Result<void> remove(ThreadId, BreakpointKind, Address, std::uint64_t size) = 0;
    virtual std::uint32_t hardware_watchpoint_slots() const = 0;
};

// Non-stop mode: a thread stops on its own while the others run, and each stop arrives at Session::on_stop().
// Execution::resume() then starts the threads that it names, and leaves the others as they are.
class NonStop {
  public:
    virtual ~NonStop() = default;
    // On: while every thread is stopped. Off: running threads continue until Execution::interrupt().
    virtual Result<void> set_non_stop(bool on) = 0;
    // Asks threads to stop; each one that runs is answered by a separate StopEvent.
    virtual void stop(std::span<const ThreadId> threads, StopReason reason) = 0;
    // The stop reason of each stopped thread, in the order of threads().
    virtual std::vector<StopEvent> stops() const = 0;
    // Keeps every thread from running until release(), so that registers, memory and breakpoints can be accessed: only
    // while a packet is answered. Holds nest.
    virtual void hold() = 0;
    virtual void release() = 0;
};

// Going back in the target's recording of its run.
class Reverse {
  public:
    virtual ~Reverse() = default;
    // One step back, or back to a breakpoint or the beginning of the recording. Returns at once, like
    // Execution::resume() does.
    virtual Result<void> go_back(ThreadId, bool one_step) = 0;
};

// Restarting the target, for a client in extended mode (`!`).
class Restart {
  public:
    virtual ~Restart() = default;
    struct Wanted {
        std::string file;  // the program that the client names; empty for the present one
        std::vector<std::string> arguments;
    };
    // The client is in extended mode. Until it leaves it may restart the target, even one that has ended.
    virtual void client_stays() = 0;
    // Returns at once: the target's stop at its first instruction arrives at Session::on_stop(). It may run until now.
    // The client's breakpoints are removed. On an error nothing has changed.
    virtual Result<void> restart(const Wanted&) = 0;
};

class Stepping {
  public:
    virtual ~Stepping() = default;
    // Returns true if interrupts are blocked while a thread is stepped.
    virtual bool blocks_interrupts() const = 0;
    virtual Result<void> block_interrupts(bool) = 0;
};

// qXfer objects that are read as one text: name ("features", "osdata", ...) and annex ("target.xml",
// "exits").
class Documents {
  public:
    virtual ~Documents() = default;
    // Objects served: each adds "qXfer:<object>:read+" to qSupported. "threads" is made by the session
    // itself.
    virtual std::vector<std::string> objects() const = 0;
    // The whole document, made when its first chunk is requested; nullopt if there is no such annex.
    virtual std::optional<std::string> document(std::string_view object, std::string_view annex) = 0;
};

// What to print, with its newlines. A command that was refused says why, and has changed nothing that it does not name.
struct MonitorAnswer {
    std::string text;
    bool refused = false;
};

class Monitor {
  public:
    virtual ~Monitor() = default;
    // Runs `monitor LINE`.
    virtual MonitorAnswer run(ThreadId, std::string_view line) = 0;
};

class Tracepoints;  // tracepoints.h

struct Target {
    Threads& threads;
    Registers& registers;
    Memory& memory;
    Execution& execution;
    Breakpoints* breakpoints = nullptr;
    Stepping* stepping = nullptr;
    NonStop* non_stop = nullptr;
    Reverse* reverse = nullptr;
    Restart* restart = nullptr;
    Documents* documents = nullptr;
    Monitor* monitor = nullptr;
    Tracepoints* tracepoints = nullptr;
    // LLDB's qHostInfo: e.g. "x86_64-unknown-unknown".
    std::string triple;
    std::uint32_t address_bytes = 8;
    // The address of the first segment of the program's file, if it is not where it was linked. A client
    // that connects moves its symbols accordingly (qOffsets).
    std::optional<Address> first_segment = std::nullopt;
    // The distance of the program from where it was linked, modulo 2^64; 0 if it was not moved. LLDB needs it
    // for a file that is marked as Linux's: otherwise it waits for a loader, which no kernel has.
    std::optional<Address> load_offset = std::nullopt;
};

}  // namespace ringside::gdbstub
