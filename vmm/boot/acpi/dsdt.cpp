// The Differentiated System Description Table: devices in the name space (ACPI 6.4, 5.2.11.1 and chapter 6).
#include <fmt/format.h>

#include "vmm/boot/acpi/aml.h"
#include "vmm/boot/acpi/tables.h"

namespace ringside::boot::acpi {

namespace {

using aml::Bytes;

Bytes serial_port(const Machine& machine) {
    return aml::device(
        "COM1", aml::join({aml::name("_HID", aml::eisa_id("PNP0501")), aml::name("_UID", aml::integer(1)),
                           aml::name("_CRS", aml::resource_template({
                                                 aml::io_ports(machine.serial_ports, 8),
                                                 aml::isa_interrupt(machine.serial_irq),
                                             }))}));
}

// It has no interrupt, because this clock has no alarm.
Bytes clock(const Machine& machine) {
    return aml::device(
        "RTC_",
        aml::join({aml::name("_HID", aml::eisa_id("PNP0B00")),
                   aml::name("_CRS", aml::resource_template({aml::io_ports(machine.rtc_ports, 2)}))}));
}

// A device with a hardware id from QEMU, and only ports.
Bytes qemu_device(std::string_view name, std::string_view hid, std::uint16_t ports, std::uint8_t count) {
    return aml::device(name,
                       aml::join({aml::name("_HID", aml::string(hid)),
                                  aml::name("_CRS", aml::resource_template({aml::io_ports(ports, count)}))}));
}

Bytes memory_mapped(const machine::MmioDevice& device, std::size_t index) {
    constexpr std::uint64_t kCacheCoherent = 1;  // _CCA; ACPI 6.4, 6.2.17
    return aml::device(
        fmt::format("D{:03X}", index & 0xfff),
        aml::join({aml::name("_HID", aml::string(device.hid)), aml::name("_UID", aml::integer(device.uid)),
                   aml::name("_CCA", aml::integer(kCacheCoherent)),
                   aml::name("_CRS", aml::resource_template({
                                         aml::memory32(static_cast<std::uint32_t>(device.base.value),
                                                       static_cast<std::uint32_t>(device.size)),
                                         aml::level_interrupt(device.gsi.value),
                                     }))}));
}

Bytes power_off(const Machine& machine) {
    const Bytes type = aml::integer(machine.fixed.sleep_type_s5);
    return aml::name("_S5_", aml::package({type, type, aml::integer(0), aml::integer(0)}));
}

}  // namespace

std::vector<std::byte> dsdt_terms(const Machine& machine) {
    Bytes devices = aml::join({serial_port(machine), clock(machine),
                               qemu_device("PEVT", "QEMU0001", machine.panic_port, 1),
                               qemu_device("FWCF", "QEMU0002", machine.fw_cfg_ports, 12)});
    for (std::size_t i = 0; i < machine.devices.size(); ++i)
        devices = aml::join({devices, memory_mapped(machine.devices[i], i)});
    return aml::join({aml::scope("_SB_", devices), power_off(machine)});
}

}  // namespace ringside::boot::acpi
