// The area in low memory for a protocol's structures. It is filled from the bottom and never past its end.
#pragma once

#include <cstring>
#include <span>
#include <string_view>
#include <type_traits>
#include <vector>

#include "vmm/base/error.h"
#include "vmm/base/ids.h"
#include "vmm/boot/placement.h"
#include "vmm/machine/guest_memory.h"
#include "vmm/machine/layout.h"

namespace ringside::boot {

class BootInfoArea {
  public:
    explicit BootInfoArea(const machine::GuestMemory& memory) : memory_(memory) {}

    // Boot information and command line, for place_segments().
    static std::span<const Reservation> reservations();

    // Each returns the address of what it wrote. Structures are aligned to 8 bytes.
    Result<Gpa> put_bytes(std::span<const std::byte> bytes);
    template <typename T>
    requires std::is_trivially_copyable_v<T> Result<Gpa> put(const T& value) {
        return put_bytes(std::as_bytes(std::span(&value, 1)));
    }
    template <typename T>
    requires std::is_trivially_copyable_v<T> Result<Gpa> put_array(const std::vector<T>& values) {
        return put_bytes(std::as_bytes(std::span(values)));
    }
    Result<Gpa> put_string(std::string_view text);

    // The command line goes to layout::kCommandLine. It and its final NUL may take at most 4 KiB.
    Result<Gpa> put_command_line(std::string_view text);

  private:
    const machine::GuestMemory& memory_;
    Gpa next_ = layout::kBootInfo;
};

}  // namespace ringside::boot
