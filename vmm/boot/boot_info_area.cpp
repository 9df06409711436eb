#include "vmm/boot/boot_info_area.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>

#include "vmm/boot/loaders.h"

namespace ringside::boot {

namespace {

constexpr std::uint64_t kAlignment = 8;

constexpr std::array kInfoReservations{
    Reservation{"boot information", layout::kBootInfo, layout::kBootInfoSize},
    Reservation{"command line", layout::kCommandLine, layout::kCommandLineSize},
};

std::span<const std::byte> with_nul(const std::string& text) {
    return std::as_bytes(std::span(text.c_str(), text.size() + 1));
}

}  // namespace

std::span<const Reservation> BootInfoArea::reservations() {
    return kInfoReservations;
}

Result<Gpa> BootInfoArea::put_bytes(std::span<const std::byte> bytes) {
    const std::uint64_t room = layout::kBootInfo + layout::kBootInfoSize - next_;
    if (bytes.size() > room)
        return reject(fmt::format("its boot information does not fit into {} KiB",
                                  layout::kBootInfoSize / layout::kKiB));
    const Gpa place = next_;
    TRY(memory_.write(place, bytes));
    const std::uint64_t used = (bytes.size() + kAlignment - 1) & ~(kAlignment - 1);
    next_ = next_ + std::min(used, room);
    return place;
}

Result<Gpa> BootInfoArea::put_string(std::string_view text) {
    return put_bytes(with_nul(std::string(text)));
}

Result<Gpa> BootInfoArea::put_command_line(std::string_view text) {
    if (text.size() >= layout::kCommandLineSize)
        return reject(fmt::format("the command line of {} characters is longer than {}", text.size(),
                                  layout::kCommandLineSize - 1),
                      "Shorten --append");
    TRY(memory_.write(layout::kCommandLine, with_nul(std::string(text))));
    return layout::kCommandLine;
}

}  // namespace ringside::boot
