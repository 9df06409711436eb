#include "vmm/boot/acpi/tables.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "vmm/boot/acpi/fadt.h"
#include "vmm/boot/acpi/madt.h"
#include "vmm/boot/acpi/table.h"
#include "vmm/boot/loaders.h"
#include "vmm/machine/layout.h"

namespace ringside::boot::acpi {

namespace {

// Root System Description Pointer, revision 2 (ACPI 6.4, 5.2.5.3).
struct [[gnu::packed]] Rsdp {
    char signature[8] = {'R', 'S', 'D', ' ', 'P', 'T', 'R', ' '};
    std::uint8_t checksum = 0;  // of the first 20 bytes
    char oem[6] = {'R', 'I', 'N', 'G', 'S', 'D'};
    std::uint8_t revision = 2;
    std::uint32_t rsdt = 0;  // none: a kernel that knows revision 2 uses the XSDT
    std::uint32_t length = 36;
    std::uint64_t xsdt = 0;
    std::uint8_t extended_checksum = 0;  // of all
    std::uint8_t reserved[3] = {};
};
static_assert(sizeof(Rsdp) == kRsdpSize);

constexpr std::size_t kRsdpFirstPart = 20;
constexpr std::uint64_t kAlignment = 64;  // the FACS's; an RSDP needs 16 bytes, others none

// Firmware ACPI Control Structure (5.2.10). It has no checksum. Its lock is unused: there is no firmware.
struct [[gnu::packed]] Facs {
    char signature[4] = {'F', 'A', 'C', 'S'};
    std::uint32_t length = 64;
    std::uint8_t rest[56] = {};
};
static_assert(sizeof(Facs) == 64);

// Lays out tables one after the other from a given address.
class Area {
  public:
    explicit Area(Gpa base) : base_(base) {}

    Gpa put(std::span<const std::byte> table) {
        bytes_.resize((bytes_.size() + kAlignment - 1) / kAlignment * kAlignment);
        const Gpa place = base_ + bytes_.size();
        bytes_.insert(bytes_.end(), table.begin(), table.end());
        return place;
    }
    template <typename T>
    Gpa put_struct(const T& value) {
        return put(std::as_bytes(std::span(&value, 1)));
    }
    void overwrite_start(std::span<const std::byte> table) { std::ranges::copy(table, bytes_.begin()); }
    std::vector<std::byte> take() { return std::move(bytes_); }

  private:
    Gpa base_;
    std::vector<std::byte> bytes_;
};

std::vector<std::byte> xsdt(std::initializer_list<Gpa> tables) {
    std::vector<std::byte> body;
    for (const Gpa table : tables)
        append(body, table.value);
    return make_table("XSDT", 1, body);
}

Rsdp make_rsdp(Gpa xsdt_place) {
    Rsdp rsdp;
    rsdp.xsdt = xsdt_place.value;
    const auto bytes = std::as_bytes(std::span(&rsdp, 1));
    rsdp.checksum = checksum(bytes.first(kRsdpFirstPart));
    rsdp.extended_checksum = checksum(bytes);
    return rsdp;
}

}  // namespace

std::vector<std::byte> build(const Machine& machine, Gpa base) {
    Area area(base);
    area.put_struct(Rsdp{});  // reserves its space; it is filled in last
    const Gpa dsdt = area.put(make_table("DSDT", kDsdtRevision, dsdt_terms(machine)));
    const Gpa facs = area.put_struct(Facs{});
    const Gpa fadt = area.put(make_fadt(machine.fixed, dsdt, facs));
    const Gpa madt = area.put(make_madt(machine.cpus, machine.fixed.sci));
    const Rsdp rsdp = make_rsdp(area.put(xsdt({fadt, madt})));
    area.overwrite_start(std::as_bytes(std::span(&rsdp, 1)));
    return area.take();
}

Result<Gpa> place(const Machine& machine, Gpa base, const machine::GuestMemory& memory) {
    const auto tables = build(machine, base);
    if (tables.size() > layout::kAcpiTablesSize)
        return failure("ACPI tables",
                       fmt::format("{} bytes do not fit into {}", tables.size(), layout::kAcpiTablesSize),
                       "Give the guest fewer CPUs or devices");
    TRY(memory.write(base, tables));
    return base;
}

}  // namespace ringside::boot::acpi
