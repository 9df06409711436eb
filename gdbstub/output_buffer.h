// A growing byte buffer that does not zero what is about to be overwritten, and keeps its storage when
// cleared: replies are built in it and sent from it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>
#include <utility>

namespace ringside::gdbstub {

class OutputBuffer {
  public:
    std::size_t size() const { return size_; }
    bool empty() const { return size_ == 0; }
    char* data() { return data_.get(); }
    std::string_view view() const { return {data_.get(), size_}; }

    // Room for `n` more bytes, which the caller writes at the returned address and then adds with advance().
    char* reserve_back(std::size_t n) {
        if (capacity_ - size_ < n)
            grow(n);
        return data_.get() + size_;
    }
    void advance(std::size_t n) { size_ += n; }

    void append(std::string_view text) {
        if (text.empty())
            return;
        std::memcpy(reserve_back(text.size()), text.data(), text.size());
        advance(text.size());
    }
    void push_back(char c) {
        *reserve_back(1) = c;
        advance(1);
    }

    void truncate(std::size_t new_size) { size_ = std::min(size_, new_size); }
    void clear() { size_ = 0; }

    // Drops the first `n` bytes.
    void consume(std::size_t n) {
        n = std::min(n, size_);
        if (n < size_)
            std::memmove(data_.get(), data_.get() + n, size_ - n);
        size_ -= n;
    }

    friend void swap(OutputBuffer& a, OutputBuffer& b) noexcept {
        std::swap(a.data_, b.data_);
        std::swap(a.size_, b.size_);
        std::swap(a.capacity_, b.capacity_);
    }

  private:
    void grow(std::size_t n) {
        const std::size_t wanted = std::max({size_ + n, capacity_ * 2, kInitialCapacity});
        auto larger = std::make_unique_for_overwrite<char[]>(wanted);
        if (size_ != 0)
            std::memcpy(larger.get(), data_.get(), size_);
        data_ = std::move(larger);
        capacity_ = wanted;
    }

    static constexpr std::size_t kInitialCapacity = 4096;
    std::unique_ptr<char[]> data_;
    std::size_t size_ = 0;
    std::size_t capacity_ = 0;
};

}  // namespace ringside::gdbstub
