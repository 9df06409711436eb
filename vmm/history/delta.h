// The difference between two states of a machine, and which vCPU has made it. Everything in it is an exclusive
// or, so one record works in both directions: applied to the state before it gives the state after, and vice versa.
//
//     header | changed words of the image: index, xor | changed runs of memory: address, length, xor bytes
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include "vmm/base/ids.h"

namespace ringside::history {

struct DeltaHeader {
    std::uint16_t vcpu = 0;
    std::uint16_t words = 0;
    std::uint32_t runs = 0;
};
// The longest image whose words a record can name.
inline constexpr std::size_t kLongestImage = 0xffff * sizeof(std::uint64_t);

// Makes one record at a time, in storage that is reused.
class DeltaWriter {
  public:
    void begin(VcpuIndex vcpu);
    // The 64-bit words of two images that differ, in a part of them. That of `before` is made equal to that of `after`.
    void words(std::span<std::byte> before, std::span<const std::byte> after, std::size_t offset,
               std::size_t size);
    // The bytes of one page or less that differ. `before` is made equal to `after`.
    void memory(Gpa gpa, std::span<std::byte> before, std::span<const std::byte> after);
    bool empty() const { return header_.words == 0 && header_.runs == 0; }
    // The record, valid until begin().
    std::span<const std::byte> finish();

  private:
    template <typename T>
    void put(const T& value) {
        const auto at = bytes_.size();
        bytes_.resize(at + sizeof value);
        std::memcpy(bytes_.data() + at, &value, sizeof value);
    }
    void run(Gpa gpa, std::span<std::byte> before, std::span<const std::byte> after);

    DeltaHeader header_;
    std::vector<std::byte> bytes_;
};

// Reads a record.
class Delta {
  public:
    explicit Delta(std::span<const std::byte> record);

    VcpuIndex vcpu() const { return {header_.vcpu}; }
    bool changes_word(std::size_t index) const;
    void apply_words(std::span<std::byte> image) const;
    // Calls `each(gpa, xor_bytes)`.
    template <typename F>
    void for_each_run(F&& each) const {
        std::span<const std::byte> rest = runs_;
        for (std::uint32_t i = 0; i < header_.runs; ++i) {
            const auto gpa = take<std::uint64_t>(rest);
            const auto size = take<std::uint16_t>(rest);
            each(Gpa{gpa}, rest.first(size));
            rest = rest.subspan(size);
        }
    }

  private:
    template <typename T>
    static T take(std::span<const std::byte>& bytes) {
        T value;
        std::memcpy(&value, bytes.data(), sizeof value);
        bytes = bytes.subspan(sizeof value);
        return value;
    }

    DeltaHeader header_;
    std::span<const std::byte> words_;
    std::span<const std::byte> runs_;
};

}  // namespace ringside::history
