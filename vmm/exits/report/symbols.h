// Guest addresses by the names in the kernel's ELF file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "vmm/base/error.h"

namespace ringside::exits {

struct Symbol {
    std::uint64_t address = 0;
    std::uint64_t size = 0;  // 0: unknown, extends to the next symbol
    std::string name;
};

// A C++ function's name without its parameters: "guest::write" for "_ZN5guest5writeEc". Other names are not
// changed.
std::string readable_name(const std::string& symbol);

class SymbolTable {
  public:
    // A kernel with all its modules has some hundred thousand symbols.
    static constexpr std::size_t kMaximumSymbols = 8'000'000;

    SymbolTable() = default;  // empty
    // The symbols may be in any order. If several have the same address, the first is kept.
    explicit SymbolTable(std::vector<Symbol> symbols);

    // Reads code symbols from the .symtab of a 32-bit or 64-bit ELF file. The file is untrusted: the error
    // says what is wrong with it.
    static Result<SymbolTable> load(const std::filesystem::path& path);

    struct Match {
        const Symbol& symbol;
        std::uint64_t offset = 0;
    };
    // Sets the distance of the guest from its link addresses (Linux with KASLR); may be negative. All
    // addresses below are those of the running guest.
    void set_slide(std::int64_t slide) { slide_ = static_cast<std::uint64_t>(slide); }
    std::int64_t slide() const { return static_cast<std::int64_t>(slide_); }

    // The symbol that contains an address.
    std::optional<Match> find(std::uint64_t address) const;
    // "schedule+0x12", "schedule" at its start, or "" if there is none.
    std::string describe(std::uint64_t address) const;
    std::optional<std::uint64_t> address_of(std::string_view name) const;

    std::size_t size() const { return symbols_.size(); }
    bool empty() const { return symbols_.empty(); }

  private:
    std::vector<Symbol> symbols_;  // sorted by address, one per address
    std::uint64_t slide_ = 0;      // two's complement
};

}  // namespace ringside::exits
