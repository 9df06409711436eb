#include "vmm/devices/pc.h"

#include <utility>

#include "vmm/devices/ports.h"
#include "vmm/devices/savable.h"
#include "vmm/machine/layout.h"

namespace ringside::devices {

namespace {

Cmos::Machine describe(const machine::Machine& machine) {
    Cmos::Machine facts;
    for (const machine::MemoryRegion& region : machine.memory().regions()) {
        if (region.read_only())
            continue;
        (region.start() < layout::kHoleEnd ? facts.ram_below_4g : facts.ram_above_4g) += region.size();
    }
    facts.cpus = static_cast<std::uint32_t>(machine.vcpu_count());
    return facts;
}

}  // namespace

Pc::Pc(machine::Machine& machine, CharacterSink& console, machine::FwCfgItems fw_cfg)
    : machine_(machine),
      serial_(machine.interrupt(Gsi{kSerialIrq}, "serial"), console),
      keyboard_controller_(machine, machine.interrupt(Gsi{kKeyboardIrq}, "i8042")),
      cmos_(describe(machine)),
      system_control_port_(machine),
      debug_console_(console),
      debug_exit_(machine),
      panic_port_(machine),
      fw_cfg_(std::move(fw_cfg), machine.memory()),
      acpi_pm_(machine, machine.interrupt(Gsi{kAcpiSci}, "ACPI PM")),
      reset_port_(machine) {}

Result<void> Pc::attach() {
    const std::pair<PortRange, machine::BusDevice*> devices[] = {{kI8042Ports, &keyboard_controller_},
                                                                 {kCmosPorts, &cmos_},
                                                                 {kSystemControlPort, &system_control_port_},
                                                                 {kDebugConsolePort, &debug_console_},
                                                                 {kDebugExitPorts, &debug_exit_},
                                                                 {kSerialPorts, &serial_},
                                                                 {kFirmwareConsolePort, &debug_console_},
                                                                 {kPanicPort, &panic_port_},
                                                                 {kFwCfgPorts, &fw_cfg_},
                                                                 {kAcpiPmPorts, &acpi_pm_},
                                                                 {kResetPort, &reset_port_}};
    for (const auto& [ports, device] : devices) {
        TRY(machine_.buses().pio.attach(ports.start, ports.size, *device));
    }
    add_states(serial_, keyboard_controller_, cmos_, system_control_port_, debug_console_, debug_exit_,
               panic_port_, fw_cfg_, acpi_pm_, reset_port_);
    return {};
}

void Pc::after_restart(machine::FwCfgItems fw_cfg) {
    fw_cfg_.replace(std::move(fw_cfg));
    serial_.offer_space();
}

template <typename... Devices>
void Pc::add_states(Devices&... devices) {
    (machine_.device_states().add(state_of(devices)), ...);
}

}  // namespace ringside::devices
