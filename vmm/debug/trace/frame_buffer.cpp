#include "vmm/debug/trace/frame_buffer.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace ringside::debug {

void FrameBuffer::reset(std::size_t capacity, bool circular) {
    if (bytes_.size() != capacity)
        bytes_ = std::vector<std::byte>(capacity);
    circular_ = circular;
    begin_ = end_ = written_ = frames_ = created_ = 0;
}

bool FrameBuffer::open(std::uint16_t tracepoint) {
    written_ = end_;
    std::array<std::byte, kHeader> header{};
    std::memcpy(header.data(), &tracepoint, sizeof tracepoint);
    return add(header);
}

bool FrameBuffer::add(std::span<const std::byte> bytes) {
    if (!make_room(bytes.size())) {
        abandon();
        return false;
    }
    put(written_, bytes);
    written_ += bytes.size();
    return true;
}

std::uint64_t FrameBuffer::close() {
    const std::uint64_t whole = written_ - end_;
    const auto size = static_cast<std::uint32_t>(whole - kHeader);
    put(end_ + 2, std::as_bytes(std::span(&size, 1)));
    end_ = written_;
    ++frames_;
    ++created_;
    return whole;
}

void FrameBuffer::abandon() {
    written_ = end_;
}

bool FrameBuffer::make_room(std::size_t size) {
    if (size > capacity() - std::min<std::uint64_t>(written_ - end_, capacity()))
        return false;
    while (written_ + size - begin_ > capacity()) {
        const auto oldest = first();
        if (!circular_ || !oldest)
            return false;
        begin_ = oldest->data + oldest->size;
        --frames_;
    }
    return true;
}

void FrameBuffer::put(std::uint64_t position, std::span<const std::byte> bytes) {
    if (bytes.empty())
        return;
    const auto place = static_cast<std::size_t>(position % capacity());
    const std::size_t before_wrap = std::min(bytes.size(), capacity() - place);
    std::memcpy(bytes_.data() + place, bytes.data(), before_wrap);
    std::memcpy(bytes_.data(), bytes.data() + before_wrap, bytes.size() - before_wrap);
}

std::size_t FrameBuffer::copy(std::uint64_t position, std::span<std::byte> out) const {
    const auto size =
        static_cast<std::size_t>(std::min<std::uint64_t>(out.size(), end_ - std::min(position, end_)));
    if (size == 0)
        return 0;
    const auto place = static_cast<std::size_t>(position % capacity());
    const std::size_t before_wrap = std::min(size, capacity() - place);
    std::memcpy(out.data(), bytes_.data() + place, before_wrap);
    std::memcpy(out.data() + before_wrap, bytes_.data(), size - before_wrap);
    return size;
}

std::size_t FrameBuffer::read(std::uint64_t offset, std::span<std::byte> out) const {
    return offset < used() ? copy(begin_ + offset, out) : 0;
}

std::optional<FrameBuffer::Frame> FrameBuffer::at(std::uint64_t position) const {
    std::array<std::byte, kHeader> header{};
    if (position >= end_ || copy(position, header) != kHeader)
        return std::nullopt;
    Frame frame{0, position + kHeader, 0};
    std::memcpy(&frame.tracepoint, header.data(), sizeof frame.tracepoint);
    std::memcpy(&frame.size, header.data() + sizeof frame.tracepoint, sizeof frame.size);
    return frame;
}

}  // namespace ringside::debug
