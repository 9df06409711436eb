#include "vmm/debug/linux/kernel/kallsyms.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

namespace ringside::debug {

namespace {

constexpr const char* kReading = "read the kernel's symbols (kallsyms)";
// Linux kernels have some 200,000 symbols; with a name's longest of 511 characters (KSYM_NAME_LEN).
constexpr std::size_t kMostSymbols = 2'000'000;
constexpr std::size_t kLongestSymbolName = 1024;
constexpr std::size_t kMostNames = std::size_t{64} << 20;  // bytes
constexpr std::size_t kTokens = 256;
constexpr std::uint64_t kKernelHalf = std::uint64_t{1} << 63;

// What each byte of a compressed name means.
using Tokens = std::array<std::string, kTokens>;

Result<Tokens> read_tokens(const KernelMemory& memory, const KallsymsPlaces& places) {
    Tokens tokens;
    for (std::size_t i = 0; i < kTokens; ++i) {
        const auto index = memory.load<std::uint16_t>(places.token_index + 2 * i);
        auto text = index ? memory.text(places.token_table + *index, kLongestSymbolName) : std::nullopt;
        if (!text)
            return failure(kReading, fmt::format("the token 0x{:x} cannot be read", i));
        tokens[i] = *std::move(text);
    }
    return tokens;
}

// A name's compressed length: 7 bits, and 7 more if the first byte has its highest bit.
std::optional<std::size_t> next_length(MemoryStream& stream) {
    const auto low = stream.next();
    if (!low || *low < 0x80)
        return low;
    const auto high = stream.next();
    if (!high)
        return std::nullopt;
    return (*low & 0x7fU) | std::size_t{*high} << 7;
}

// The name after its type's letter; nullopt where memory cannot be read, or if it is longer than the maximum.
std::optional<std::string> next_name(MemoryStream& stream, const Tokens& tokens) {
    const auto length = next_length(stream);
    if (!length)
        return std::nullopt;
    std::string name;
    for (std::size_t i = 0; i < *length; ++i) {
        const auto token = stream.next();
        if (!token)
            return std::nullopt;
        name += tokens[*token];
        if (name.size() > kLongestSymbolName)
            return std::nullopt;
    }
    return name.empty() ? name : name.substr(1);
}

template <typename T>
std::optional<std::vector<T>> read_array(const KernelMemory& memory, std::uint64_t address,
                                         std::size_t count) {
    std::vector<T> values(count);
    if (!memory.read(address, std::as_writable_bytes(std::span(values))))
        return std::nullopt;
    return values;
}

// With CONFIG_KALLSYMS_ABSOLUTE_PERCPU, which shows by its negative offsets, others are those of per-CPU variables. The
// relative base belongs to the first negative one, -1.
std::vector<std::uint64_t> from_offsets(const std::vector<std::int32_t>& offsets, std::uint64_t base) {
    const bool signs = std::ranges::any_of(offsets, [](std::int32_t offset) { return offset < 0; });
    std::vector<std::uint64_t> addresses;
    addresses.reserve(offsets.size());
    for (const std::int32_t offset : offsets) {
        if (!signs)
            addresses.push_back(base + static_cast<std::uint32_t>(offset));
        else if (offset >= 0)
            addresses.push_back(static_cast<std::uint64_t>(offset));
        else
            addresses.push_back(base + static_cast<std::uint64_t>(-1 - std::int64_t{offset}));
    }
    return addresses;
}

}  // namespace

Result<KernelSymbols> KernelSymbols::read(const KernelMemory& memory, const KallsymsPlaces& places) {
    const auto count = memory.load<std::uint32_t>(places.count);
    if (!count)
        return failure(kReading, fmt::format("their number, at 0x{:x}, cannot be read", places.count));
    if (*count == 0 || *count > kMostSymbols)
        return failure(kReading, fmt::format("{} is not a number of symbols that a kernel has", *count));
    KernelSymbols symbols;
    TRY(symbols.read_names(memory, places, *count));
    TRY(symbols.read_addresses(memory, places));
    for (std::uint32_t i = 0; i < symbols.symbols_.size(); ++i) {
        if (symbols.symbols_[i].address >= kKernelHalf)
            symbols.by_address_.push_back(i);
    }
    std::ranges::stable_sort(symbols.by_address_, {},
                             [&](std::uint32_t i) { return symbols.symbols_[i].address; });
    return symbols;
}

Result<void> KernelSymbols::read_names(const KernelMemory& memory, const KallsymsPlaces& places,
                                       std::size_t count) {
    const Tokens tokens = TRY(read_tokens(memory, places));
    MemoryStream stream(memory, places.names);
    for (std::size_t i = 0; i < count; ++i) {
        const auto name = next_name(stream, tokens);
        if (!name || names_.size() + name->size() > kMostNames)
            return failure(kReading, fmt::format("the name of symbol {} of {} {}", i, count,
                                                 name ? "is one too many" : "cannot be read"));
        symbols_.push_back(
            {0, static_cast<std::uint32_t>(names_.size()), static_cast<std::uint16_t>(name->size())});
        names_ += *name;
    }
    return {};
}

Result<void> KernelSymbols::read_addresses(const KernelMemory& memory, const KallsymsPlaces& places) {
    std::optional<std::vector<std::uint64_t>> addresses;
    if (places.offsets) {
        const auto base = memory.pointer(places.relative_base);
        const auto offsets = read_array<std::int32_t>(memory, *places.offsets, symbols_.size());
        if (base && offsets)
            addresses = from_offsets(*offsets, *base);
    } else if (places.addresses) {
        addresses = read_array<std::uint64_t>(memory, *places.addresses, symbols_.size());
    }
    if (!addresses)
        return failure(kReading, "their addresses cannot be read");
    for (std::size_t i = 0; i < symbols_.size(); ++i)
        symbols_[i].address = (*addresses)[i];
    return {};
}

std::optional<std::uint64_t> KernelSymbols::address(std::string_view wanted) const {
    const auto it =
        std::ranges::find_if(symbols_, [&](const Symbol& symbol) { return name(symbol) == wanted; });
    return it == symbols_.end() ? std::nullopt : std::optional(it->address);
}

std::optional<KernelSymbols::Place> KernelSymbols::at(std::uint64_t address) const {
    const auto after = std::ranges::upper_bound(by_address_, address, {},
                                                [&](std::uint32_t i) { return symbols_[i].address; });
    if (after == by_address_.begin())
        return std::nullopt;
    // Of several names for an address, the first.
    const std::uint64_t start = symbols_[*std::prev(after)].address;
    const auto first = std::ranges::lower_bound(by_address_, start, {},
                                                [&](std::uint32_t i) { return symbols_[i].address; });
    return Place{name(symbols_[*first]), address - start};
}

}  // namespace ringside::debug
