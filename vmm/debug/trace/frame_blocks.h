// The blocks of one trace frame: writing and finding them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "gdbstub/tracepoints.h"
#include "vmm/debug/trace/frame_buffer.h"

namespace ringside::debug {

// The maximum size of one 'M' block: its length has two bytes.
inline constexpr std::size_t kMostInBlock = 0xffff;

// Each returns false if the buffer has no room; then the frame is removed.
bool add_registers(FrameBuffer& buffer, std::span<const std::byte> g_block);
bool add_memory(FrameBuffer& buffer, std::uint64_t address, std::span<const std::byte> bytes);
bool add_variable(FrameBuffer& buffer, std::uint32_t number, std::uint64_t value);

class FrameReader {
  public:
    // `register_bytes`: the size of the g block, which an 'R' block does not contain.
    FrameReader(const FrameBuffer& buffer, const FrameBuffer::Frame& frame, std::size_t register_bytes)
        : buffer_(buffer), frame_(frame), register_bytes_(register_bytes) {}

    std::optional<std::vector<std::byte>> registers() const;
    // Copies what is available from `address` on, from as many blocks as necessary. Returns how much.
    std::size_t memory(std::uint64_t address, std::span<std::byte> out) const;
    // The last value that was collected.
    std::optional<std::uint64_t> variable(std::uint32_t number) const;
    gdbstub::FrameContents contents() const;

  private:
    struct Block {
        char type = 0;
        std::uint64_t key = 0;   // an address, or a variable's number
        std::uint64_t data = 0;  // where its bytes are
        std::uint64_t size = 0;
    };
    // Calls visit(block) for each, until it returns false.
    template <typename Visit>
    void for_each(Visit&& visit) const;
    std::optional<Block> block_at(std::uint64_t position) const;
    std::size_t memory_once(std::uint64_t address, std::span<std::byte> out) const;

    const FrameBuffer& buffer_;
    FrameBuffer::Frame frame_;
    std::size_t register_bytes_;
};

}  // namespace ringside::debug
