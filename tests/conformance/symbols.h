// The symbols of a guest's ELF file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>

namespace ringside::conformance {

class Symbols {
  public:
    // Throws std::runtime_error if the file cannot be read or has no symbol table.
    explicit Symbols(const std::filesystem::path& path);

    // The value of a symbol, by its linker name. Throws std::runtime_error if there is none.
    std::uint64_t at(const std::string& name) const;
    // "after_hlt", "run_hlt+5" or, below the first symbol, the number alone.
    std::string describe(std::uint64_t address) const;

  private:
    std::map<std::string, std::uint64_t> by_name_;
    std::map<std::uint64_t, std::string> by_address_;
};

}  // namespace ringside::conformance
