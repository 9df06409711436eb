#include "vmm/debug/run_control/user_frame.h"

#include <array>
#include <cstring>

#include "arch/x86_64/cpu_mode.h"
#include "arch/x86_64/descriptors.h"
#include "vmm/debug/guest/guest_tables.h"

namespace ringside::debug {

std::optional<UserFrame> user_frame(const GuestView& view, const x86::GeneralRegisters& general,
                                    const x86::SystemRegisters& system, bool has_error_code) {
    if (x86::cpu_mode(general, system) != x86::CpuMode::Long64)
        return std::nullopt;
    std::array<std::uint64_t, 6> words{};
    const auto wanted = std::as_writable_bytes(std::span(words)).first(has_error_code ? 48 : 40);
    if (view.fetch(system, Gva{general.rsp}, wanted) != wanted.size())
        return std::nullopt;
    const auto* word = words.data();
    UserFrame frame;
    if (has_error_code)
        frame.error_code = *word++;
    frame.rip = word[0], frame.cs = word[1], frame.rflags = word[2], frame.rsp = word[3], frame.ss = word[4];
    if (x86::requested_privilege(frame.cs) != 3)
        return std::nullopt;
    return frame;
}

bool undo_delivery(const GuestView& view, const UserFrame& frame, x86::GeneralRegisters& general,
                   x86::SystemRegisters& system) {
    const auto cs = table_segment(view, system, static_cast<std::uint16_t>(frame.cs));
    const auto ss = table_segment(view, system, static_cast<std::uint16_t>(frame.ss));
    if (!cs || !ss)
        return false;
    system.cs = *cs;
    system.ss = *ss;
    general.rip = frame.rip;
    general.rsp = frame.rsp;
    general.rflags = frame.rflags;
    return true;
}

}  // namespace ringside::debug
