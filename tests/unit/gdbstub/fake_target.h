// A machine made of arrays: four threads, 18 registers of 8 bytes, 8 KiB of memory followed by a hole.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gdbstub/target.h"

namespace ringside::gdbstub {

class FakeTarget final : public Threads,
                         public Registers,
                         public Memory,
                         public Execution,
                         public Breakpoints,
                         public Stepping,
                         public Reverse,
                         public Restart,
                         public Documents,
                         public Monitor {
  public:
    static constexpr std::size_t kRegisters = 18;
    static constexpr std::uint32_t kPc = 16;
    static constexpr std::uint32_t kUnavailable = 17;  // a register whose value is never known
    static constexpr Address kMemoryStart = 0x1000;
    static constexpr std::size_t kMemorySize = 0x2000;

    explicit FakeTarget(std::uint32_t threads = 2);

    // Everything at once, as the session takes it.
    Target bundle();

    // What happened, in order: "attach", "resume 1:c 2:s", "interrupt", ...
    std::vector<std::string> log;
    bool is_running = false;
    StopEvent stop{ThreadId{1}, StoppedBySignal{Signal::Trap, false}, {}};
    std::optional<TargetError> resume_error;
    std::optional<TargetError> restart_error;
    std::optional<TargetError> insert_error;
    std::optional<TargetError> read_error;
    bool conditions = true;
    bool step_blocks_interrupts = true;
    std::vector<StopEvent> other_stops;  // that came together with `stop`
    std::vector<BreakpointRequest> inserted;
    std::vector<std::byte> memory = std::vector<std::byte>(kMemorySize);
    std::map<std::uint32_t, std::array<std::uint64_t, kRegisters>> registers_of;
    std::map<std::pair<std::string, std::string>, std::string> texts;
    std::function<std::string(ThreadId, std::string_view)> command;
    // Called after a resume, with the machine running: lets a test stop it again.
    std::function<void()> on_resume;

    void poke(Address address, std::string_view bytes);

    // Threads
    std::vector<ThreadId> threads() const override;
    Result<ThreadInfo> thread_info(ThreadId id) override;
    // Registers
    Result<void> read_all(ThreadId id, std::vector<std::byte>& out,
                          std::vector<std::pair<std::size_t, std::size_t>>& unavailable) override;
    Result<void> write_all(ThreadId id, std::span<const std::byte> bytes) override;
    Result<std::vector<std::byte>> read(ThreadId id, std::uint32_t regno) override;
    Result<void> write(ThreadId id, std::uint32_t regno, std::span<const std::byte> bytes) override;
    std::span<const std::uint32_t> expedited() const override;
    std::uint32_t pc() const override { return kPc; }
    Result<std::uint32_t> save(ThreadId id) override;
    Result<void> restore(ThreadId id, std::uint32_t slot) override;
    std::optional<Info> info(std::uint32_t regno) const override;
    // Memory
    Result<std::size_t> read(ThreadId id, Address address, std::span<std::byte> out) override;
    Result<void> write(ThreadId id, Address address, std::span<const std::byte> bytes) override;
    Result<MemoryRegion> region(ThreadId id, Address address) override;
    bool physical_mode() const override { return physical_; }
    void set_physical_mode(bool on) override { physical_ = on; }
    // Execution
    Result<void> resume(std::span<const ThreadResume> list) override;
    void interrupt() override { log.emplace_back("interrupt"); }
    StopEvent last_stop() const override { return stop; }
    std::vector<StopEvent> simultaneous() const override { return other_stops; }
    void reported_together() override { other_stops.clear(); }
    bool running() const override { return is_running; }
    void kill() override { log.emplace_back("kill"); }
    void attach() override { log.emplace_back("attach"); }
    void detach() override { log.emplace_back("detach"); }
    void client_lost() override { log.emplace_back("lost"); }
    // Breakpoints
    bool supports(BreakpointKind kind) const override { return kind != BreakpointKind::ReadWatch; }
    bool evaluates_conditions() const override { return conditions; }
    bool runs_commands() const override { return conditions; }
    Result<void> insert(ThreadId id, const BreakpointRequest& request) override;
    Result<void> remove(ThreadId id, BreakpointKind kind, Address address, std::uint64_t size) override;
    std::uint32_t hardware_watchpoint_slots() const override { return 4; }
    // Stepping
    bool blocks_interrupts() const override { return step_blocks_interrupts; }
    Result<void> block_interrupts(bool on) override {
        step_blocks_interrupts = on;
        return {};
    }
    // Reverse
    Result<void> go_back(ThreadId id, bool one_step) override;
    // Restart
    void client_stays() override { log.emplace_back("stays"); }
    Result<void> restart(const Wanted& wanted) override;
    // Documents
    std::vector<std::string> objects() const override { return {"features", "osdata"}; }
    std::optional<std::string> document(std::string_view object, std::string_view annex) override;
    // Monitor
    MonitorAnswer run(ThreadId id, std::string_view line) override;

  private:
    std::uint32_t count_;
    bool physical_ = false;
    std::vector<std::array<std::uint64_t, kRegisters>> saved_;
};

}  // namespace ringside::gdbstub
