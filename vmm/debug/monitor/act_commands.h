// `monitor nmi|inject|stop|cont|system_reset`
#pragma once

#include <functional>

#include "vmm/debug/monitor/monitor.h"

namespace ringside::debug {

void add_act_commands(MonitorRegistry& registry, Debugger& debugger);
// `monitor system_powerdown`. `press` returns true if the guest gets an interrupt.
void add_power_button_command(MonitorRegistry& registry, Debugger& debugger, std::function<bool()> press);
// `monitor serial break`
struct SerialLine {
    std::function<bool()> send_break;  // both return false if the guest's UART has no room
    std::function<bool(char)> send_character;
};
void add_serial_command(MonitorRegistry& registry, Debugger& debugger, SerialLine line);
// `monitor guest-stop`
void add_guest_stop_command(MonitorRegistry& registry, Debugger& debugger);

}  // namespace ringside::debug
