#include "guests/lib/exit.h"

#include "guests/lib/cpu.h"
#include "guests/lib/ports.h"

namespace guest {
namespace {

constexpr uint16_t kDebugExitPort = 0xf4;
constexpr uint16_t kKeyboardCommand = 0x64;
constexpr uint16_t kPanicPort = 0x505;
constexpr uint8_t kPanicked = 1;
constexpr uint8_t kPulseResetLine = 0xfe;

}  // namespace

void debug_exit(uint8_t value) {
    out8(kDebugExitPort, value);
    halt_forever();  // no such device here
}

void reset_by_keyboard_controller() {
    out8(kKeyboardCommand, kPulseResetLine);
    halt_forever();
}

void report_panic() {
    out8(kPanicPort, kPanicked);
}

void triple_fault() {
    struct [[gnu::packed]] {
        uint16_t limit;
        unsigned long base;
    } const no_idt{0, 0};
    asm volatile("lidt %0; ud2" : : "m"(no_idt));
    halt_forever();
}

void halt_forever() {
    for (;;)
        asm volatile("cli; hlt" : : : "memory");
}

void spin_forever() {
    disable_interrupts();
    for (;;)
        spin_hint();
}

}  // namespace guest
