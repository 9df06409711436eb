// Any bytes in any pieces: the framer gives the same events as for the whole, and every payload is within
// bounds.
#include <cstdlib>
#include <string>
#include <vector>

#include "gdbstub/framer.h"

namespace {

using namespace ringside::gdbstub;

std::vector<std::string> events(std::span<const std::byte> bytes, std::size_t piece) {
    Framer framer;
    std::vector<std::string> result;
    while (!bytes.empty()) {
        const std::size_t size = bytes.size() < piece ? bytes.size() : piece;
        // A copy, so that a view which outlives its input is a read of freed memory.
        const std::vector<std::byte> chunk(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
        std::span<const std::byte> input(chunk);
        while (const auto event = framer.next(input)) {
            std::string text(1, static_cast<char>('a' + event->index()));
            if (const auto* packet = std::get_if<frame::Packet>(&*event))
                text += packet->payload;
            if (text.size() > kMaxPayload + 1)
                std::abort();
            result.push_back(std::move(text));
        }
        if (!input.empty())
            std::abort();
        bytes = bytes.subspan(size);
    }
    return result;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto bytes = std::as_bytes(std::span(data, size));
    if (events(bytes, size + 1) != events(bytes, 1 + size % 5))
        std::abort();
    return 0;
}
