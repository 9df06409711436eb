// ORC, with which a kernel without frame pointers unwinds its stacks: the effect of each piece of its code on the stack
// (arch/x86/kernel/unwind_orc.c, Documentation/x86/orc-unwinder.rst).
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "vmm/debug/linux/kernel/linux_kernel.h"
#include "vmm/debug/linux/kernel/modules.h"

namespace ringside::debug {

// Where a frame's caller is found.
struct OrcEntry {
    enum class Kind : std::uint8_t { Undefined, End, Call, Registers, SomeRegisters } kind = Kind::Undefined;
    enum class Base : std::uint8_t {
        Undefined,
        PreviousSp,
        Dx,
        Di,
        Bp,
        Sp,
        R10,
        R13,
        BpIndirect,
        SpIndirect
    };
    Base sp = Base::Undefined, bp = Base::Undefined;
    std::int16_t sp_offset = 0, bp_offset = 0;
    bool guessed = false;  // the code has no entry: a frame pointer is assumed
};

class OrcTables {
  public:
    // The kernel's table and its modules'. Without any, every entry is guessed.
    OrcTables(const LinuxKernel& kernel, const LinuxModules& modules);

    OrcEntry at(std::uint64_t address) const;

  private:
    struct Layout {
        Field sp_offset, bp_offset, sp, bp, type;
        std::optional<Field> end;  // in Linux up to 6.3; later ends are a type
        std::uint64_t size = 0;
    };
    struct Table {
        std::uint64_t first = 0, last = 0;  // code
        std::uint64_t addresses = 0, entries = 0, count = 0;
    };

    static std::optional<Layout> layout(const LinuxKernel& kernel);
    void add_kernel();
    void add_module(const LinuxModule& module);
    std::optional<std::uint64_t> find(const Table& table, std::uint64_t address) const;
    std::optional<OrcEntry> entry(std::uint64_t address) const;

    const LinuxKernel& kernel_;
    std::optional<Layout> layout_;
    std::vector<Table> tables_;
};

}  // namespace ringside::debug
