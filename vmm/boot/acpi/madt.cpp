#include "vmm/boot/acpi/madt.h"

#include "vmm/boot/acpi/table.h"
#include "vmm/machine/layout.h"

namespace ringside::boot::acpi {

namespace {

constexpr std::uint8_t kMadtRevision = 5;
constexpr std::uint32_t kMostApicId = 254;  // 8 bits, and 255 means all; above, entries have 32 bits
constexpr std::uint32_t kEnabled = 1;

// ACPI 6.4, table 5.19, after the header.
struct [[gnu::packed]] MadtBody {
    std::uint32_t local_apic = static_cast<std::uint32_t>(layout::kLocalApic.value);
    std::uint32_t flags = 1;  // PCAT_COMPAT: there are two 8259s as well
};

// 5.2.12.2
struct [[gnu::packed]] LocalApic {
    std::uint8_t type = 0, length = 8;
    std::uint8_t processor = 0, apic_id = 0;
    std::uint32_t flags = kEnabled;
};

// 5.2.12.12
struct [[gnu::packed]] LocalX2Apic {
    std::uint8_t type = 9, length = 16;
    std::uint16_t reserved = 0;
    std::uint32_t apic_id = 0;
    std::uint32_t flags = kEnabled;
    std::uint32_t processor = 0;
};

// 5.2.12.3
struct [[gnu::packed]] IoApic {
    std::uint8_t type = 1, length = 12;
    std::uint8_t id = 0, reserved = 0;
    std::uint32_t address = static_cast<std::uint32_t>(layout::kIoApic.value);
    std::uint32_t first_gsi = 0;
};

// 5.2.12.5. ISA interrupts are edge-triggered and active high unless this says otherwise.
struct [[gnu::packed]] InterruptOverride {
    std::uint8_t type = 2, length = 10;
    std::uint8_t bus = 0;  // ISA
    std::uint8_t source = 0;
    std::uint32_t gsi = 0;
    std::uint16_t flags = 0xd;  // level, active high
};

// 5.2.12.7
struct [[gnu::packed]] LocalApicNmi {
    std::uint8_t type = 4, length = 6;
    std::uint8_t processor = 0xff;  // all
    std::uint16_t flags = 0;        // as the bus has it
    std::uint8_t lint = 1;
};

void append_processor(std::vector<std::byte>& body, std::uint32_t id) {
    if (id <= kMostApicId) {
        LocalApic entry;
        entry.processor = entry.apic_id = static_cast<std::uint8_t>(id);
        append(body, entry);
        return;
    }
    LocalX2Apic entry;
    entry.processor = entry.apic_id = id;
    append(body, entry);
}

}  // namespace

std::vector<std::byte> make_madt(std::uint32_t cpus, std::uint8_t sci) {
    std::vector<std::byte> body;
    append(body, MadtBody{});
    for (std::uint32_t id = 0; id < cpus; ++id)
        append_processor(body, id);
    append(body, IoApic{});
    InterruptOverride override;
    override.source = sci;
    override.gsi = sci;
    append(body, override);
    append(body, LocalApicNmi{});
    return make_table("APIC", kMadtRevision, body);
}

}  // namespace ringside::boot::acpi
