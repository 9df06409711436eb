// gdbstub::Memory over a stopped guest: virtual through the page tables of a vCPU or of a chosen address
// space, or physical.
#pragma once

#include "gdbstub/target.h"
#include "vmm/debug/target/debugger.h"

namespace ringside::debug {

// The run of pages with equal permissions around an address.
gdbstub::MemoryRegion memory_region(const GuestView& view, const x86::SystemRegisters& system, Gva address);

class MemoryAccess final : public gdbstub::Memory {
  public:
    MemoryAccess(Debugger& debugger, GuestView& view) : debugger_(debugger), view_(view) {}

    gdbstub::Result<std::size_t> read(gdbstub::ThreadId, gdbstub::Address, std::span<std::byte> out) override;
    gdbstub::Result<void> write(gdbstub::ThreadId, gdbstub::Address, std::span<const std::byte>) override;
    gdbstub::Result<gdbstub::MemoryRegion> region(gdbstub::ThreadId, gdbstub::Address) override;
    bool physical_mode() const override { return physical_; }
    void set_physical_mode(bool on) override { physical_ = on; }

  private:
    gdbstub::Result<x86::SystemRegisters> tables_for(gdbstub::ThreadId, gdbstub::Address);

    Debugger& debugger_;
    GuestView& view_;
    bool physical_ = false;
};

}  // namespace ringside::debug
