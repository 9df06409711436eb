#include "vmm/machine/bus.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

namespace ringside::machine {

namespace {

// The last address of a range, which is representable even where its end is 2^64.
std::uint64_t last(const Bus::Range& range) {
    return range.start + (range.size - 1);
}

// Returns true if an access that starts inside the range also ends there.
bool holds(const Bus::Range& range, std::uint64_t address, std::size_t size) {
    return size != 0 && size - 1 <= last(range) - address;
}

}  // namespace

Result<void> Bus::attach(std::uint64_t start, std::uint64_t size, BusDevice& device) {
    const std::string operation = fmt::format("attach {} at {:#x}", device.name(), start);
    if (size == 0)
        return failure(operation, "the range is empty");
    if (size - 1 > std::numeric_limits<std::uint64_t>::max() - start)
        return failure(operation, fmt::format("{:#x} bytes wrap around the address space", size));

    const Range added{start, size, &device};
    for (const Range& range : ranges_) {
        if (added.start <= last(range) && range.start <= last(added))
            return failure(operation,
                           fmt::format("the range [{:#x}, {:#x}] overlaps {} at [{:#x}, {:#x}]", start,
                                       last(added), range.device->name(), range.start, last(range)));
    }
    const auto place =
        std::find_if(ranges_.begin(), ranges_.end(), [&](const Range& range) { return range.start > start; });
    ranges_.insert(place, added);
    return {};
}

bool Bus::read(std::uint64_t address, std::span<std::byte> data) const {
    const Range* range = find(address);
    if (range == nullptr || !holds(*range, address, data.size())) {
        std::fill(data.begin(), data.end(), std::byte{0xff});  // an undriven bus floats high
        return false;
    }
    range->device->read(address - range->start, data);
    return true;
}

bool Bus::write(std::uint64_t address, std::span<const std::byte> data) const {
    const Range* range = find(address);
    if (range == nullptr || !holds(*range, address, data.size()))
        return false;
    range->device->write(address - range->start, data);
    return true;
}

const Bus::Range* Bus::find(std::uint64_t address) const {
    const auto after = std::upper_bound(ranges_.begin(), ranges_.end(), address,
                                        [](std::uint64_t a, const Range& range) { return a < range.start; });
    if (after == ranges_.begin())
        return nullptr;
    const Range& range = *std::prev(after);
    return address <= last(range) ? &range : nullptr;
}

}  // namespace ringside::machine
