// gdbstub's Target over a vmcore: a stopped machine that never runs.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "gdbstub/target.h"
#include "vmm/debug/core/core_file.h"
#include "vmm/debug/guest/inspected.h"
#include "vmm/debug/target/register_access.h"

namespace ringside::debug {

// No debugger has planted anything in a file.
class NothingPlanted final : public machine::PlantedBytes {
  public:
    void hide(Gpa, std::span<std::byte>) const override {}
    void write(Gpa, std::span<std::byte>, std::span<const std::byte>, machine::WrittenBy) override {}
};

class CoreTarget final : public Inspected,
                         private gdbstub::Threads,
                         private FileRegisters,
                         private gdbstub::Memory,
                         private gdbstub::Execution {
  public:
    // `on_kill` is called when a client ends the machine, `on_stop` when one has resumed it: it stops at once, where it
    // was.
    CoreTarget(CoreFile core, std::function<void()> on_kill,
               std::function<void(const gdbstub::StopEvent&)> on_stop);

    gdbstub::Target& target() { return target_; }
    const x86::RegisterFile& registers() const { return file_; }
    const CoreFile& core() const { return core_; }

    // As GuestView::choose_address_space().
    bool choose_address_space(std::optional<std::uint64_t> cr3) { return view_.choose_address_space(cr3); }

    // Inspected
    std::size_t vcpu_count() const override { return core_.vcpus.size(); }
    const GuestView& view() const override { return view_; }
    Result<RegistersNow> registers_now(VcpuIndex vcpu) override;
    Result<const x86::CpuState*> all_registers(VcpuIndex vcpu) override;

  private:
    gdbstub::Result<const CoreVcpu*> vcpu(gdbstub::ThreadId) const;
    // gdbstub::Threads
    std::vector<gdbstub::ThreadId> threads() const override;
    gdbstub::Result<gdbstub::ThreadInfo> thread_info(gdbstub::ThreadId) override;
    // gdbstub::Registers; nothing of it can be written
    gdbstub::Result<std::uint32_t> save(gdbstub::ThreadId) override;
    gdbstub::Result<void> restore(gdbstub::ThreadId, std::uint32_t id) override;
    gdbstub::Result<void> read_all(gdbstub::ThreadId, std::vector<std::byte>& out,
                                   std::vector<std::pair<std::size_t, std::size_t>>& unavailable) override;
    gdbstub::Result<void> write_all(gdbstub::ThreadId, std::span<const std::byte>) override;
    gdbstub::Result<std::vector<std::byte>> read(gdbstub::ThreadId, std::uint32_t regno) override;
    gdbstub::Result<void> write(gdbstub::ThreadId, std::uint32_t regno, std::span<const std::byte>) override;
    // gdbstub::Memory
    gdbstub::Result<std::size_t> read(gdbstub::ThreadId, gdbstub::Address, std::span<std::byte> out) override;
    gdbstub::Result<void> write(gdbstub::ThreadId, gdbstub::Address, std::span<const std::byte>) override;
    gdbstub::Result<gdbstub::MemoryRegion> region(gdbstub::ThreadId, gdbstub::Address) override;
    bool physical_mode() const override { return physical_; }
    void set_physical_mode(bool on) override { physical_ = on; }
    // gdbstub::Execution
    gdbstub::Result<void> resume(std::span<const gdbstub::ThreadResume>) override;
    void interrupt() override {}
    gdbstub::StopEvent last_stop() const override;
    bool running() const override { return false; }
    void kill() override { on_kill_(); }
    void attach() override {}
    void detach() override {}
    void client_lost() override {}

    CoreFile core_;
    NothingPlanted nothing_planted_;
    GuestView view_;
    x86::RegisterFile file_;
    std::function<void()> on_kill_;
    std::function<void(const gdbstub::StopEvent&)> on_stop_;
    bool physical_ = false;
    gdbstub::Target target_;
};

}  // namespace ringside::debug
