#include "guests/lib/power_button.h"

#include "guests/lib/exit.h"
#include "guests/lib/interrupts.h"
#include "guests/lib/ports.h"
#include "guests/lib/timer.h"

namespace guest {

volatile unsigned long power_button_presses;

namespace {

constexpr uint16_t kStatus = 0x600;   // PM1a_STS: a bit is cleared by writing it
constexpr uint16_t kEnable = 0x602;   // PM1a_EN
constexpr uint16_t kControl = 0x604;  // PM1a_CNT
constexpr uint16_t kPowerButton = 1u << 8;
constexpr uint16_t kSleep = 1u << 13;  // with a sleep type of 0, which is power-off

constexpr unsigned kInterruptLine = 9;

void on_power_management(InterruptFrame&) {
    if ((in16(kStatus) & kPowerButton) != 0) {
        out16(kStatus, kPowerButton);
        power_button_presses = power_button_presses + 1;
    }
    end_of_interrupt(kInterruptLine);
}

}  // namespace

void listen_to_power_button() {
    out16(kStatus, 0xffff);
    set_handler(kVectorFirstIrq + kInterruptLine, on_power_management);
    open_line(kInterruptLine, true);
    out16(kEnable, kPowerButton);
}

void power_off() {
    out16(kControl, kSleep);
    halt_forever();
}

}  // namespace guest
