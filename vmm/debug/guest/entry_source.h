// Page-table entries out of guest memory, for arch's walks.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "vmm/base/ids.h"
#include "vmm/machine/guest_memory.h"

namespace ringside::debug {

struct EntrySource {
    const machine::GuestMemory& memory;
    std::optional<std::uint64_t> operator()(Gpa gpa, unsigned size) const {
        std::uint64_t value = 0;
        const auto bytes = std::as_writable_bytes(std::span(&value, 1)).first(size);
        return memory.copy_prefix(gpa, bytes) == size ? std::optional(value) : std::nullopt;
    }
};

}  // namespace ringside::debug
