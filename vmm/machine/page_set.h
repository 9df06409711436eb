// A set of pages of guest memory.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "vmm/base/ids.h"
#include "vmm/machine/guest_memory.h"

namespace ringside::machine {

inline constexpr std::uint64_t kPageSize = 4096;

class PageSet {
  public:
    // Empty, for pages of this memory.
    explicit PageSet(const GuestMemory& memory)
        : words_(memory.regions().empty() ? 0 : word_of(memory.regions().back().end()) + 1) {}

    // The page of an address that is in the memory.
    void add(Gpa page) { words_[word_of(page)] |= std::uint64_t{1} << (page.value / kPageSize % kBits); }
    // The pages of another set of the same memory.
    void add(const PageSet& other) {
        for (std::size_t i = 0; i < words_.size(); ++i)
            words_[i] |= other.words_[i];
    }
    void clear() { words_.assign(words_.size(), 0); }
    std::uint64_t count() const {
        std::uint64_t pages = 0;
        for (const std::uint64_t word : words_)
            pages += static_cast<unsigned>(std::popcount(word));
        return pages;
    }
    // Calls `each` with each page's address, in order.
    template <typename Each>
    void for_each(Each each) const {
        for (std::size_t i = 0; i < words_.size(); ++i) {
            for (std::uint64_t word = words_[i]; word != 0; word &= word - 1)
                each(Gpa{(i * kBits + static_cast<unsigned>(std::countr_zero(word))) * kPageSize});
        }
    }

  private:
    static constexpr std::size_t kBits = 64;
    static std::size_t word_of(Gpa page) { return page.value / kPageSize / kBits; }

    std::vector<std::uint64_t> words_;
};

}  // namespace ringside::machine
