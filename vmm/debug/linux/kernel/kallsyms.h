// Linux's own symbol table (kernel/kallsyms.c, scripts/kallsyms.c), read from a guest's memory.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "vmm/base/error.h"
#include "vmm/debug/linux/kernel/kernel_memory.h"

namespace ringside::debug {

// The addresses of the table's parts.
struct KallsymsPlaces {
    std::uint64_t count = 0;  // kallsyms_num_syms
    std::uint64_t names = 0;
    std::uint64_t token_table = 0;
    std::uint64_t token_index = 0;
    // Either offsets from the relative base, or addresses.
    std::optional<std::uint64_t> offsets;
    std::uint64_t relative_base = 0;
    std::optional<std::uint64_t> addresses;
};

class KernelSymbols {
  public:
    static Result<KernelSymbols> read(const KernelMemory& memory, const KallsymsPlaces& places);

    std::size_t size() const { return symbols_.size(); }
    // The address of the first symbol of that name.
    std::optional<std::uint64_t> address(std::string_view wanted) const;

    struct Place {
        std::string_view name;
        std::uint64_t offset = 0;
    };
    // The last symbol at or below an address, in the kernel's image. Per-CPU variables have no address, and are ignored.
    std::optional<Place> at(std::uint64_t address) const;

  private:
    struct Symbol {
        std::uint64_t address = 0;
        std::uint32_t start = 0;  // in names_
        std::uint16_t length = 0;
    };
    std::string_view name(const Symbol& symbol) const {
        return std::string_view(names_).substr(symbol.start, symbol.length);
    }
    Result<void> read_names(const KernelMemory& memory, const KallsymsPlaces& places, std::size_t count);
    Result<void> read_addresses(const KernelMemory& memory, const KallsymsPlaces& places);

    std::string names_;
    std::vector<Symbol> symbols_;            // in the table's order
    std::vector<std::uint32_t> by_address_;  // those of the kernel's image
};

}  // namespace ringside::debug
