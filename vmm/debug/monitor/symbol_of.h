// Addresses with their symbols, for messages.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include <fmt/format.h>

namespace ringside::debug {

// Names an address; empty where there is no symbol. A function that is empty knows none.
using SymbolOf = std::function<std::string(std::uint64_t)>;

// "0x101000 <handler+0x4>", or only the address.
inline std::string with_symbol(std::uint64_t address, const SymbolOf& symbol_of) {
    const auto symbol = symbol_of ? symbol_of(address) : std::string();
    return symbol.empty() ? fmt::format("{:#x}", address) : fmt::format("{:#x} <{}>", address, symbol);
}

}  // namespace ringside::debug
