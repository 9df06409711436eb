#include "vmm/boot/linux/handover.h"

#include <algorithm>

#include "vmm/boot/boot_info_area.h"
#include "vmm/boot/cpu_modes.h"
#include "vmm/boot/linux/command_line.h"
#include "vmm/boot/linux/zero_page.h"
#include "vmm/machine/layout.h"

namespace ringside::boot::linux_boot {

namespace {

Result<std::optional<Gpa>> put_initrd(const LoadContext& context, const Handover& handover) {
    if (context.initrd().empty())
        return std::nullopt;
    const auto place = TRY(place_initrd(context.initrd(), handover.end,
                                        std::min(handover.initrd_end, layout::kHole), context.memory));
    return place;
}

Result<Gpa> put_command_line(const LoadContext& context, const Handover& handover, BootInfoArea& area) {
    const auto text =
        TRY(fitting_command_line(command_line(context.request.command_line), handover.command_line_size));
    return area.put_command_line(text);
}

Result<Gpa> put_zero_page(const LoadContext& context, const Handover& handover) {
    BootInfoArea area(context.memory);
    ZeroPageContents contents;
    contents.header = handover.header;
    contents.moved = handover.moved;
    contents.rsdp = context.rsdp;
    contents.memory = memory_map(context.memory);
    contents.initrd_size = context.initrd().size();
    const auto initrd = TRY(put_initrd(context, handover));
    contents.initrd = initrd;
    contents.command_line = TRY(put_command_line(context, handover, area));
    return area.put(make_zero_page(contents));
}

}  // namespace

std::vector<Reservation> reservations() {
    std::vector<Reservation> all(long_mode_reservations().begin(), long_mode_reservations().end());
    all.insert(all.end(), BootInfoArea::reservations().begin(), BootInfoArea::reservations().end());
    return all;
}

Result<BootState> hand_over(const LoadContext& context, const Handover& handover) {
    const auto zero_page = TRY(put_zero_page(context, handover));
    BootState state;
    state.protocol = handover.protocol;
    state.system =
        TRY(handover.in_64_bit_mode ? enter_long_mode(context.memory) : enter_protected_mode(context.memory));
    state.general.rip = handover.entry.value;
    state.general.rsi = zero_page.value;
    state.entry = handover.entry;
    return state;
}

}  // namespace ringside::boot::linux_boot
