// One request as the driver laid it out: pieces of guest memory, first those that the device reads, then
// those that it writes. How the driver cut it into pieces means nothing (virtio 2.7.4.1), so a device sees
// two runs of bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "vmm/base/ids.h"
#include "vmm/machine/guest_memory.h"

namespace ringside::devices::virtio {

class Chain {
  public:
    // Bytes that the device may read, and that it may write.
    std::uint64_t readable() const { return readable_.size; }
    std::uint64_t writable() const { return writable_.size; }

    // Copies out of the readable bytes, or into the writable ones, from `offset` on. Returns how many bytes
    // there were, which is fewer than asked for at the end.
    std::size_t read(std::uint64_t offset, std::span<std::byte> out) const;
    std::size_t write(std::uint64_t offset, std::span<const std::byte> data) const;

    // For Queue: the descriptor that the chain begins with, and its pieces. A Chain that is used again does
    // not allocate again.
    std::uint16_t head() const { return head_; }
    void begin(std::uint16_t head, const machine::GuestMemory& memory);
    void add_readable(Gpa start, std::span<const std::byte> piece) { readable_.add({start, piece}); }
    void add_writable(Gpa start, std::span<std::byte> piece) { writable_.add({start, piece}); }
    // For Transport: how often the device had been reset when the chain was taken.
    void stamp(std::uint32_t epoch) { epoch_ = epoch; }
    std::uint32_t epoch() const { return epoch_; }

  private:
    template <typename Byte>
    struct Piece {
        Gpa start;
        std::span<Byte> bytes;
    };
    template <typename Byte>
    struct Run {
        std::vector<Piece<Byte>> pieces;
        std::uint64_t size = 0;
        void add(Piece<Byte> piece) {
            pieces.push_back(piece);
            size += piece.bytes.size();
        }
        void clear() {
            pieces.clear();
            size = 0;
        }
    };
    // Calls `copy(piece, done)` for each stretch of [offset, offset + size) in turn; returns how much there
    // was.
    template <typename Byte, typename Copy>
    static std::size_t for_each_stretch(const Run<Byte>& run, std::uint64_t offset, std::size_t size,
                                        Copy copy);

    const machine::GuestMemory* memory_ = nullptr;
    Run<const std::byte> readable_;
    Run<std::byte> writable_;
    std::uint16_t head_ = 0;
    std::uint32_t epoch_ = 0;
};

}  // namespace ringside::devices::virtio
