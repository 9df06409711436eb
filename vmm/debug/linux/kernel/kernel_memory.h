// The memory of a guest's kernel at the addresses in its own pointers. What is read may be anything: a guest can
// write there what it likes.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace ringside::debug {

class KernelMemory {
  public:
    // Reads all of `out`, or returns false.
    using Read = std::function<bool(std::uint64_t address, std::span<std::byte> out)>;
    // The physical address of a mapped one.
    using Physical = std::function<std::optional<std::uint64_t>(std::uint64_t address)>;

    explicit KernelMemory(Read read, Physical physical = {})
        : read_(std::move(read)), physical_(std::move(physical)) {}

    bool read(std::uint64_t address, std::span<std::byte> out) const {
        return out.empty() || read_(address, out);
    }

    template <typename T>
    std::optional<T> load(std::uint64_t address) const {
        static_assert(std::is_integral_v<T>);
        T value{};
        if (!read(address, std::as_writable_bytes(std::span(&value, 1))))
            return std::nullopt;
        return value;
    }
    std::optional<std::uint64_t> pointer(std::uint64_t address) const { return load<std::uint64_t>(address); }

    // The text up to a zero byte, or up to `most` bytes. nullopt if it cannot be read to there.
    std::optional<std::string> text(std::uint64_t address, std::size_t most) const;

    std::optional<std::uint64_t> physical(std::uint64_t address) const {
        return physical_ ? physical_(address) : std::nullopt;
    }

  private:
    Read read_;
    Physical physical_;
};

// Reads bytes one after the other, a block at a time.
class MemoryStream {
  public:
    MemoryStream(const KernelMemory& memory, std::uint64_t address) : memory_(memory), address_(address) {}

    // nullopt where memory cannot be read.
    std::optional<std::uint8_t> next();

  private:
    static constexpr std::size_t kBlock = 4096;

    const KernelMemory& memory_;
    std::uint64_t address_;  // of what comes after the block
    std::array<std::byte, kBlock> block_{};
    std::size_t at_ = 0, end_ = 0;
};

// The same text with \xNN for everything but printable ASCII, as the kernel writes its log for programs. Tabs stay.
std::string printable(std::string_view text);

}  // namespace ringside::debug
