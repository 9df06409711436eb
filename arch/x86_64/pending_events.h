// The events that are pending for a logical processor, and what blocks them (SDM volume 3, 6.8 and "Interrupt
// Handling").
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace ringside::x86 {

// What the processor does. A halted one wakes for an interrupt.
enum class Activity : std::uint8_t {
    Running,
    Halted,
    WaitForStartup,
    InitReceived,
    StartupReceived,
    Unknown
};
// "running", "halted", "waiting for SIPI", ...
std::string_view name(Activity activity);

struct PendingException {
    std::uint8_t vector = 0;
    std::optional<std::uint32_t> error_code;
    bool injected = false;  // its delivery has begun; otherwise it is pending
};

struct PendingEvents {
    std::optional<PendingException> exception;

    std::optional<std::uint8_t> interrupt;  // the vector whose delivery has begun
    bool software_interrupt = false;        // INT n

    bool shadow_of_sti = false, shadow_of_mov_ss = false;  // the next instruction is not interrupted

    bool nmi_injected = false, nmi_pending = false, nmi_masked = false;  // masked until IRET
    bool in_smm = false, smi_pending = false;
    bool triple_fault = false;
    Activity activity = Activity::Unknown;

    bool interrupt_shadow() const { return shadow_of_sti || shadow_of_mov_ss; }
};

}  // namespace ringside::x86
