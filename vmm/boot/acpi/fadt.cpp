#include "vmm/boot/acpi/fadt.h"

#include "vmm/boot/acpi/table.h"

namespace ringside::boot::acpi {

namespace {

constexpr std::uint8_t kFadtRevision = 6;
constexpr std::uint8_t kMinorRevision = 4;

// Generic Address Structure (ACPI 6.4, 5.2.3.2).
struct [[gnu::packed]] Address {
    std::uint8_t space = 0;  // 1: I/O ports
    std::uint8_t bits = 0;
    std::uint8_t offset = 0;
    std::uint8_t access = 0;
    std::uint64_t address = 0;
};

constexpr Address port(std::uint16_t number, std::uint8_t bytes) {
    constexpr std::uint8_t kIoSpace = 1;
    const auto access = static_cast<std::uint8_t>(bytes == 1 ? 1 : bytes == 2 ? 2 : 3);
    return {kIoSpace, static_cast<std::uint8_t>(8 * bytes), 0, access, number};
}

// Table 5.9, after the header.
struct [[gnu::packed]] FadtBody {
    std::uint32_t facs = 0;
    std::uint32_t dsdt = 0;
    std::uint8_t reserved = 0;
    std::uint8_t profile = 0;  // unspecified
    std::uint16_t sci = 0;
    std::uint32_t smi_command = 0;  // 0: there is no SMI mode to leave, ACPI is always on
    std::uint8_t acpi_enable = 0, acpi_disable = 0, s4bios = 0, pstate_control = 0;
    std::uint32_t pm1a_event = 0, pm1b_event = 0, pm1a_control = 0, pm1b_control = 0, pm2_control = 0;
    std::uint32_t pm_timer = 0, gpe0 = 0, gpe1 = 0;
    std::uint8_t pm1_event_length = 4, pm1_control_length = 2, pm2_control_length = 0, pm_timer_length = 4;
    std::uint8_t gpe0_length = 0, gpe1_length = 0, gpe1_base = 0, cst_control = 0;
    std::uint16_t c2_latency = 0xffff, c3_latency = 0xffff;  // beyond these limits: not supported
    std::uint16_t flush_size = 0, flush_stride = 0;
    std::uint8_t duty_offset = 0, duty_width = 0, day_alarm = 0, month_alarm = 0;
    std::uint8_t century = 0x32;  // in CMOS
    std::uint16_t boot_architecture = 0;
    std::uint8_t reserved2 = 0;
    std::uint32_t flags = 0;
    Address reset;
    std::uint8_t reset_value = 0;
    std::uint16_t arm_boot_architecture = 0;
    std::uint8_t minor_revision = kMinorRevision;
    std::uint64_t x_facs = 0, x_dsdt = 0;
    Address x_pm1a_event, x_pm1b_event, x_pm1a_control, x_pm1b_control, x_pm2_control, x_pm_timer, x_gpe0,
        x_gpe1;
    Address sleep_control, sleep_status;
    std::uint64_t hypervisor = 0;
};
static_assert(sizeof(TableHeader) + sizeof(FadtBody) == 276);

// Table 5.10.
constexpr std::uint32_t kWbinvd = 1U << 0;
constexpr std::uint32_t kC1 = 1U << 2;
constexpr std::uint32_t kNoSleepButton = 1U << 5;  // none in the fixed hardware, as there is a power button
constexpr std::uint32_t kNoRtcWake = 1U << 6;
constexpr std::uint32_t kTimerHas32Bits = 1U << 8;
constexpr std::uint32_t kHasResetRegister = 1U << 10;

// Table 5.11. "8042" is not set, so that a kernel does not look for a keyboard.
constexpr std::uint16_t kLegacyDevices = 1U << 0;
constexpr std::uint16_t kNoVga = 1U << 2;

}  // namespace

std::vector<std::byte> make_fadt(const FixedHardware& fixed, Gpa dsdt, Gpa facs) {
    FadtBody body;
    body.facs = static_cast<std::uint32_t>(facs.value);
    body.dsdt = static_cast<std::uint32_t>(dsdt.value);
    body.x_dsdt = dsdt.value;  // x_facs stays 0: only one of the two addresses may be given
    body.sci = fixed.sci;
    body.pm1a_event = fixed.event_block;
    body.pm1a_control = fixed.control_block;
    body.pm_timer = fixed.timer;
    body.x_pm1a_event = port(fixed.event_block, 4);
    body.x_pm1a_control = port(fixed.control_block, 2);
    body.x_pm_timer = port(fixed.timer, 4);
    body.boot_architecture = kLegacyDevices | kNoVga;
    body.flags = kWbinvd | kC1 | kNoSleepButton | kNoRtcWake | kTimerHas32Bits | kHasResetRegister;
    body.reset = port(fixed.reset_port, 1);
    body.reset_value = fixed.reset_value;
    std::vector<std::byte> bytes;
    append(bytes, body);
    return make_table("FACP", kFadtRevision, bytes);
}

}  // namespace ringside::boot::acpi
