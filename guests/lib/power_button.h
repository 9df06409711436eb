// ACPI's power button, and the register that powers off. A kernel with an ACPI interpreter learns the ports and the
// interrupt from the FADT; here they are where QEMU and Ringside have them.
#pragma once

namespace guest {

// How often the button has been pressed since. Only the handler writes it.
extern volatile unsigned long power_button_presses;

// Lets the button interrupt, on line 9. After start_timer(), which sets up the interrupt controllers.
void listen_to_power_button();

// Powers the machine off.
[[noreturn]] void power_off();

}  // namespace guest
