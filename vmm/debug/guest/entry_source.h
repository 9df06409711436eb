// Page-table entries out of guest memory, for arch's walks.
#pragma once

#include <cstdint>
#include <cstring>
#include <optional>

#include "vmm/base/ids.h"
#include "vmm/machine/guest_memory.h"

namespace ringside::debug {

struct EntrySource {
    const machine::GuestMemory& memory;
    std::optional<std::uint64_t> operator()(Gpa gpa, unsigned size) const {
        const auto bytes = memory.span(gpa, size);
        if (bytes.empty())
            return std::nullopt;
        std::uint64_t value = 0;
        std::memcpy(&value, bytes.data(), size);
        return value;
    }
};

}  // namespace ringside::debug
