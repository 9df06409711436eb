#include "vmm/debug/trace/frame_blocks.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace ringside::debug {

namespace {

constexpr char kRegisters = 'R', kMemory = 'M', kVariable = 'V';

// A block's head: its type and one or two numbers.
class Head {
  public:
    explicit Head(char type) { add(type); }

    template <typename Number>
    Head& add(Number number) {
        std::memcpy(bytes_.data() + size_, &number, sizeof number);
        size_ += sizeof number;
        return *this;
    }
    std::span<const std::byte> bytes() const { return std::span(bytes_).first(size_); }

  private:
    std::array<std::byte, 1 + 8 + 8> bytes_{};
    std::size_t size_ = 0;
};

template <typename Number>
Number load(const FrameBuffer& buffer, std::uint64_t position) {
    Number number{};
    buffer.copy(position, std::as_writable_bytes(std::span(&number, 1)));
    return number;
}

}  // namespace

bool add_registers(FrameBuffer& buffer, std::span<const std::byte> g_block) {
    return buffer.add(Head(kRegisters).bytes()) && buffer.add(g_block);
}

bool add_memory(FrameBuffer& buffer, std::uint64_t address, std::span<const std::byte> bytes) {
    const auto head = Head(kMemory).add(address).add(static_cast<std::uint16_t>(bytes.size()));
    return buffer.add(head.bytes()) && buffer.add(bytes);
}

bool add_variable(FrameBuffer& buffer, std::uint32_t number, std::uint64_t value) {
    return buffer.add(Head(kVariable).add(number).add(value).bytes());
}

std::optional<FrameReader::Block> FrameReader::block_at(std::uint64_t position) const {
    Block block{load<char>(buffer_, position), 0, position + 1, 0};
    switch (block.type) {
        case kRegisters:
            block.size = register_bytes_;
            return block;
        case kMemory:
            block.key = load<std::uint64_t>(buffer_, block.data);
            block.size = load<std::uint16_t>(buffer_, block.data + 8);
            block.data += 10;
            return block;
        case kVariable:
            block.key = load<std::uint32_t>(buffer_, block.data);
            block.data += 4;
            block.size = 8;
            return block;
        default:
            return std::nullopt;
    }
}

template <typename Visit>
void FrameReader::for_each(Visit&& visit) const {
    const std::uint64_t end = frame_.data + frame_.size;
    for (std::uint64_t at = frame_.data; at < end;) {
        const auto block = block_at(at);
        if (!block || !visit(*block))
            return;
        at = block->data + block->size;
    }
}

std::optional<std::vector<std::byte>> FrameReader::registers() const {
    std::optional<std::vector<std::byte>> found;
    for_each([&](const Block& block) {
        if (block.type != kRegisters)
            return true;
        found.emplace(static_cast<std::size_t>(block.size));
        buffer_.copy(block.data, *found);
        return false;
    });
    return found;
}

std::size_t FrameReader::memory_once(std::uint64_t address, std::span<std::byte> out) const {
    std::size_t count = 0;
    for_each([&](const Block& block) {
        const std::uint64_t skipped = address - block.key;
        if (block.type != kMemory || address < block.key || skipped >= block.size)
            return true;
        count = static_cast<std::size_t>(std::min<std::uint64_t>(block.size - skipped, out.size()));
        buffer_.copy(block.data + skipped, out.first(count));
        return false;
    });
    return count;
}

std::size_t FrameReader::memory(std::uint64_t address, std::span<std::byte> out) const {
    std::size_t done = 0;
    while (done < out.size()) {
        const std::size_t count = memory_once(address + done, out.subspan(done));
        if (count == 0)
            break;
        done += count;
    }
    return done;
}

std::optional<std::uint64_t> FrameReader::variable(std::uint32_t number) const {
    std::optional<std::uint64_t> value;
    for_each([&](const Block& block) {
        if (block.type == kVariable && block.key == number)
            value = load<std::uint64_t>(buffer_, block.data);
        return true;
    });
    return value;
}

gdbstub::FrameContents FrameReader::contents() const {
    gdbstub::FrameContents contents;
    for_each([&](const Block& block) {
        if (block.type == kMemory)
            contents.memory.emplace_back(block.key, block.size);
        else if (block.type == kVariable)
            contents.variables.push_back(static_cast<std::uint32_t>(block.key));
        return true;
    });
    return contents;
}

}  // namespace ringside::debug
