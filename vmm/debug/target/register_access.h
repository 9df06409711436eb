// gdbstub::Registers over parked vCPUs.
#pragma once

#include <cstddef>
#include <map>
#include <span>
#include <vector>

#include "gdbstub/target.h"
#include "vmm/debug/target/debugger.h"

namespace ringside::debug {

// Returns a register's description for LLDB, or nullopt if there is no register of that number.
std::optional<gdbstub::Registers::Info> register_info(const x86::RegisterFile& file, std::uint32_t regno);

// What follows from the register file alone.
class FileRegisters : public gdbstub::Registers {
  public:
    explicit FileRegisters(const x86::RegisterFile& file) : file_(file) {}

    std::span<const std::uint32_t> expedited() const final { return file_.expedited(); }
    std::uint32_t pc() const final { return file_.pc(); }
    std::optional<Info> info(std::uint32_t regno) const final { return register_info(file_, regno); }

  protected:
    const x86::RegisterFile& file() const { return file_; }

  private:
    const x86::RegisterFile& file_;
};

class RegisterAccess final : public FileRegisters {
  public:
    explicit RegisterAccess(Debugger& debugger)
        : FileRegisters(debugger.guest().registers()), debugger_(debugger) {}

    gdbstub::Result<void> read_all(gdbstub::ThreadId, std::vector<std::byte>& out,
                                   std::vector<std::pair<std::size_t, std::size_t>>& unavailable) override;
    gdbstub::Result<void> write_all(gdbstub::ThreadId, std::span<const std::byte>) override;
    gdbstub::Result<std::vector<std::byte>> read(gdbstub::ThreadId, std::uint32_t regno) override;
    gdbstub::Result<void> write(gdbstub::ThreadId, std::uint32_t regno, std::span<const std::byte>) override;
    gdbstub::Result<std::uint32_t> save(gdbstub::ThreadId) override;
    gdbstub::Result<void> restore(gdbstub::ThreadId, std::uint32_t id) override;

  private:
    // The vCPU's state with the given classes loaded, or why not.
    gdbstub::Result<const x86::CpuState*> load(gdbstub::ThreadId, x86::ClassSet);
    gdbstub::Result<void> store(gdbstub::ThreadId, x86::ClassSet, const x86::CpuState&);

    Debugger& debugger_;
    std::map<std::uint32_t, x86::CpuState> saved_;
    std::uint32_t next_id_ = 1;
};

}  // namespace ringside::debug
