// Names for the numbers in exits: devices for ports and addresses, symbols and instructions for their
// origin.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "arch/x86_64/decode.h"
#include "vmm/debug/target/debugger.h"
#include "vmm/exit_monitor/exit_tier.h"
#include "vmm/exits/report/symbols.h"
#include "vmm/exits/report/tables.h"

namespace ringside::debug {

class ExitNames {
  public:
    // `symbols` is an ELF file; any other file has no symbols. It is read at the first use of a symbol:
    // start-up does not wait for it.
    ExitNames(Debugger& debugger, std::filesystem::path symbols)
        : debugger_(debugger), path_(std::move(symbols)) {}

    // The distance of the guest from its symbols' addresses (KASLR), once it is known: names are right from
    // then on. Any thread, at any time.
    void set_slide(std::int64_t slide) {
        slide_.store(static_cast<std::uint64_t>(slide), std::memory_order_relaxed);
    }
    std::int64_t slide() const { return static_cast<std::int64_t>(slide_.load(std::memory_order_relaxed)); }

    // The file may have changed: symbols are read again at the next use.
    void forget_symbols();

    // The device at a port or guest-physical address, or an MSR's name; empty if there is none.
    std::string device(exits::AddressKind kind, std::uint64_t address) const;
    // "putc+0x4"; empty where there is none. From any thread.
    std::string symbol(std::uint64_t rip) const;
    // The instruction that caused an exit, read through the page tables of `vcpu`. Empty while the guest runs
    // and where memory does not hold such an instruction (any more).
    std::string instruction(VcpuIndex vcpu, const exits::ExitRecord& exit);
    std::optional<std::uint64_t> address_of(std::string_view symbol) const;

    // The instruction at a guest address, as above.
    std::string instruction_at(VcpuIndex vcpu, std::uint64_t rip);

    // All of these, for a tier's tables; `vcpu` selects the page tables.
    exits::Names for_tables(VcpuIndex vcpu, const ExitTier& tier);

  private:
    std::shared_ptr<const exits::SymbolTable> symbols() const;
    // Decodes at any linear address near `rip`; nullopt while the guest runs.
    struct CodeReader;
    std::optional<CodeReader> reader(VcpuIndex vcpu, std::uint64_t rip);

    Debugger& debugger_;
    std::filesystem::path path_;
    mutable std::mutex mutex_;
    mutable std::shared_ptr<const exits::SymbolTable> symbols_;  // empty until first used
    std::atomic<std::uint64_t> slide_{0};                        // two's complement
    std::optional<x86::Decoder> decoder_;
};

}  // namespace ringside::debug
