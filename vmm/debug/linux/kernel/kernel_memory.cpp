#include "vmm/debug/linux/kernel/kernel_memory.h"

#include <fmt/format.h>

namespace ringside::debug {

std::optional<std::string> KernelMemory::text(std::uint64_t address, std::size_t most) const {
    std::string text;
    MemoryStream stream(*this, address);
    while (text.size() < most) {
        const auto byte = stream.next();
        if (!byte)
            return std::nullopt;
        if (*byte == 0)
            break;
        text += static_cast<char>(*byte);
    }
    return text;
}

std::optional<std::uint8_t> MemoryStream::next() {
    if (at_ == end_) {
        // Up to the end of a page: what follows may not be mapped.
        end_ = kBlock - static_cast<std::size_t>(address_ % kBlock);
        at_ = 0;
        if (!memory_.read(address_, std::span(block_).first(end_))) {
            end_ = 0;
            return std::nullopt;
        }
        address_ += end_;
    }
    return std::to_integer<std::uint8_t>(block_[at_++]);
}

std::string printable(std::string_view text) {
    std::string out;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if ((byte >= ' ' && byte < 0x7f) || c == '\t')
            out += c;
        else
            out += fmt::format("\\x{:02x}", byte);
    }
    return out;
}

}  // namespace ringside::debug
