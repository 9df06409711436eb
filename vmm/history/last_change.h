// Finds what last changed a range of memory or a register before the history's position. Reads records, and moves
// nothing.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>

#include "vmm/history/history.h"

namespace ringside::history {

struct MemoryPart {
    Gpa gpa;
    std::uint64_t size = 0;
};

// The number of the last record that changed one of these bytes. A write of the same value is not a change.
std::optional<std::uint64_t> last_memory_change(const History& history, std::span<const MemoryPart> parts);

// The number of the last record before which `as_now` was false for the image.
std::optional<std::uint64_t> last_image_change(
    const History& history, const std::function<bool(const snapshot::MachineImage&)>& as_now);

}  // namespace ringside::history
