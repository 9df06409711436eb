#include "vmm/history/last_change.h"

#include <algorithm>

namespace ringside::history {

namespace {

bool changes(Gpa gpa, std::span<const std::byte> bits, const MemoryPart& part) {
    const std::uint64_t first = std::max(gpa.value, part.gpa.value);
    const std::uint64_t end = std::min(gpa.value + bits.size(), part.gpa.value + part.size);
    for (std::uint64_t at = first; at < end; ++at) {
        if (bits[at - gpa.value] != std::byte{0})
            return true;
    }
    return false;
}

}  // namespace

std::optional<std::uint64_t> last_memory_change(const History& history, std::span<const MemoryPart> parts) {
    for (std::uint64_t record = history.position(); record-- > history.log().begin();) {
        bool found = false;
        Delta(history.log().at(record).bytes).for_each_run([&](Gpa gpa, std::span<const std::byte> bits) {
            found = found || std::ranges::any_of(
                                 parts, [&](const MemoryPart& part) { return changes(gpa, bits, part); });
        });
        if (found)
            return record;
    }
    return std::nullopt;
}

std::optional<std::uint64_t> last_image_change(
    const History& history, const std::function<bool(const snapshot::MachineImage&)>& as_now) {
    snapshot::MachineImage image = history.image();
    for (std::uint64_t record = history.position(); record-- > history.log().begin();) {
        Delta(history.log().at(record).bytes).apply_words(image.bytes());
        if (!as_now(image))
            return record;
    }
    return std::nullopt;
}

}  // namespace ringside::history
