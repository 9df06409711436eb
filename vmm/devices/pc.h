// Creates the devices of a PC and connects them to a machine: ports, interrupt lines, and the machine's end.
#pragma once

#include "vmm/devices/acpi_pm.h"
#include "vmm/devices/character_sink.h"
#include "vmm/devices/cmos.h"
#include "vmm/devices/debug_console.h"
#include "vmm/devices/debug_exit.h"
#include "vmm/devices/fw_cfg.h"
#include "vmm/devices/i8042.h"
#include "vmm/devices/panic_port.h"
#include "vmm/devices/reset_port.h"
#include "vmm/devices/serial.h"
#include "vmm/devices/system_control_port.h"
#include "vmm/machine/machine.h"

namespace ringside::devices {

class Pc {
  public:
    // Both must outlive the PC. `console` receives what the guest writes to its serial line and to the debug
    // console. `fw_cfg` holds the items that firmware and guests can read.
    Pc(machine::Machine& machine, CharacterSink& console, machine::FwCfgItems fw_cfg);

    // Puts every device on the machine's buses; before the machine runs.
    Result<void> attach();

    Serial& serial() { return serial_; }
    AcpiPm& acpi_pm() { return acpi_pm_; }
    const FwCfg& fw_cfg() const { return fw_cfg_; }

    // The machine has been restarted, which has reset the devices: adds the new kernel's items, and resumes input.
    void after_restart(machine::FwCfgItems fw_cfg);

  private:
    template <typename... Devices>
    void add_states(Devices&... devices);

    machine::Machine& machine_;
    Serial serial_;
    I8042 keyboard_controller_;
    Cmos cmos_;
    SystemControlPort system_control_port_;
    DebugConsole debug_console_;
    DebugExit debug_exit_;
    PanicPort panic_port_;
    FwCfg fw_cfg_;
    AcpiPm acpi_pm_;
    ResetPort reset_port_;
};

}  // namespace ringside::devices
