// A Linux kernel in a guest's memory: its symbols and types, found from its VMCOREINFO (kernel/crash_core.c).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "vmm/base/error.h"
#include "vmm/debug/dump/notes.h"
#include "vmm/debug/linux/kernel/btf.h"
#include "vmm/debug/linux/kernel/kallsyms.h"
#include "vmm/debug/linux/kernel/kernel_memory.h"

namespace ringside::debug {

// The part of a kernel's state that does not change while it runs.
struct KernelTables {
    Bytes vmcoreinfo;
    KernelSymbols symbols;
    std::optional<Btf> btf;
    std::string no_btf;  // why it is absent
};

Result<KernelTables> read_kernel_tables(const KernelMemory& memory, Bytes vmcoreinfo);

class LinuxKernel {
  public:
    LinuxKernel(KernelMemory memory, std::shared_ptr<const KernelTables> tables)
        : memory_(std::move(memory)), tables_(std::move(tables)) {}

    const KernelMemory& memory() const { return memory_; }
    const KernelSymbols& symbols() const { return tables_->symbols; }
    const Btf* btf() const { return tables_->btf ? &*tables_->btf : nullptr; }
    const std::string& no_btf() const { return tables_->no_btf; }
    // The text after "KEY=" in VMCOREINFO.
    std::optional<std::string_view> note(std::string_view key) const;

    // The errors name the option with which the kernel would have to be built.
    Result<std::uint64_t> symbol(std::string_view name) const;
    // By BTF, otherwise by VMCOREINFO, which has a few offsets.
    Result<Field> field(std::string_view structure, std::string_view path) const;
    Result<std::uint64_t> size_of(std::string_view structure) const;
    // A field that only some kernels have.
    std::optional<Field> optional_field(std::string_view structure, std::string_view path) const;

    // The number in a field of 1 to 8 bytes.
    Result<std::uint64_t> number(std::uint64_t structure, const Field& field) const;
    Result<std::uint64_t> pointer(std::uint64_t address) const;

  private:
    KernelMemory memory_;
    std::shared_ptr<const KernelTables> tables_;
};

}  // namespace ringside::debug
