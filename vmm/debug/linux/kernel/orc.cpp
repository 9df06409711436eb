#include "vmm/debug/linux/kernel/orc.h"

#include <algorithm>

namespace ringside::debug {

namespace {

constexpr std::uint64_t kMostEntries = 50'000'000;
constexpr std::uint64_t kAddressSize = 4;  // an offset from where it is
// Up to Linux 6.3 a type has 2 bits and counts from Call.
constexpr unsigned kOldTypeBits = 2;
constexpr std::uint64_t kFirstOldType = static_cast<std::uint64_t>(OrcEntry::Kind::Call);
// What "push %rbp; mov %rsp, %rbp" does, as the kernel assumes of code that it has no entry for.
constexpr OrcEntry kFramePointer{
    OrcEntry::Kind::Call, OrcEntry::Base::Bp, OrcEntry::Base::PreviousSp, 16, -16, true};

template <typename T>
T limited(std::uint64_t value, T last, T otherwise) {
    return value <= static_cast<std::uint64_t>(last) ? static_cast<T>(value) : otherwise;
}

}  // namespace

std::optional<OrcTables::Layout> OrcTables::layout(const LinuxKernel& kernel) {
    const auto sp_offset = kernel.optional_field("orc_entry", "sp_offset");
    const auto bp_offset = kernel.optional_field("orc_entry", "bp_offset");
    const auto sp = kernel.optional_field("orc_entry", "sp_reg");
    const auto bp = kernel.optional_field("orc_entry", "bp_reg");
    const auto type = kernel.optional_field("orc_entry", "type");
    const auto size = kernel.size_of("orc_entry");
    if (!sp_offset || !bp_offset || !sp || !bp || !type || !size)
        return std::nullopt;
    return Layout{*sp_offset, *bp_offset, *sp, *bp, *type, kernel.optional_field("orc_entry", "end"), *size};
}

OrcTables::OrcTables(const LinuxKernel& kernel, const LinuxModules& modules)
    : kernel_(kernel), layout_(layout(kernel)) {
    if (!layout_)
        return;
    add_kernel();
    for (const LinuxModule& module : modules.modules)
        add_module(module);
}

void OrcTables::add_kernel() {
    const auto first = kernel_.symbol("_stext"), last = kernel_.symbol("_etext");
    const auto addresses = kernel_.symbol("__start_orc_unwind_ip"),
               addresses_end = kernel_.symbol("__stop_orc_unwind_ip");
    const auto entries = kernel_.symbol("__start_orc_unwind");
    // The code that ran at the start follows the rest: the first task comes from there.
    const auto start_code_end = kernel_.symbol("_einittext");
    if (first && last && addresses && addresses_end && entries)
        tables_.push_back({*first, std::max(*last, start_code_end.value_or(0)), *addresses, *entries,
                           (*addresses_end - *addresses) / kAddressSize});
}

void OrcTables::add_module(const LinuxModule& module) {
    const auto number = [&](std::string_view path) -> std::optional<std::uint64_t> {
        const auto field = kernel_.optional_field("module", path);
        const auto value = field ? kernel_.number(module.structure, *field) : Result<std::uint64_t>(0);
        return value ? std::optional(*value) : std::nullopt;
    };
    const auto addresses = number("arch.orc_unwind_ip"), entries = number("arch.orc_unwind");
    const auto count = number("arch.num_orcs");
    if (addresses && entries && count)
        tables_.push_back({module.address, module.address + module.code_size, *addresses, *entries, *count});
}

// The number of the last entry at or below an address.
std::optional<std::uint64_t> OrcTables::find(const Table& table, std::uint64_t address) const {
    std::uint64_t low = 0, high = std::min(table.count, kMostEntries);
    while (low < high) {
        const std::uint64_t middle = low + (high - low) / 2;
        const std::uint64_t place = table.addresses + middle * kAddressSize;
        const auto offset = kernel_.memory().load<std::int32_t>(place);
        if (!offset)
            return std::nullopt;
        if (place + static_cast<std::uint64_t>(std::int64_t{*offset}) <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return low == 0 ? std::nullopt : std::optional(low - 1);
}

std::optional<OrcEntry> OrcTables::entry(std::uint64_t address) const {
    const auto sp_offset = kernel_.number(address, layout_->sp_offset);
    const auto bp_offset = kernel_.number(address, layout_->bp_offset);
    const auto sp = kernel_.number(address, layout_->sp), bp = kernel_.number(address, layout_->bp);
    const auto type = kernel_.number(address, layout_->type);
    const auto end = layout_->end ? kernel_.number(address, *layout_->end) : Result<std::uint64_t>(0);
    if (!sp_offset || !bp_offset || !sp || !bp || !type || !end)
        return std::nullopt;
    OrcEntry entry;
    entry.sp_offset = static_cast<std::int16_t>(*sp_offset);
    entry.bp_offset = static_cast<std::int16_t>(*bp_offset);
    entry.sp = limited(*sp, OrcEntry::Base::SpIndirect, OrcEntry::Base::Undefined);
    entry.bp = limited(*bp, OrcEntry::Base::SpIndirect, OrcEntry::Base::Undefined);
    const bool old = layout_->type.bits == kOldTypeBits;
    entry.kind = limited(old ? *type + kFirstOldType : *type, OrcEntry::Kind::SomeRegisters,
                         OrcEntry::Kind::Undefined);
    if (*end != 0 && entry.sp == OrcEntry::Base::Undefined)
        entry.kind = OrcEntry::Kind::End;
    return entry;
}

OrcEntry OrcTables::at(std::uint64_t address) const {
    for (const Table& table : tables_) {
        if (address < table.first || address >= table.last)
            continue;
        const auto index = find(table, address);
        const auto found = index ? entry(table.entries + *index * layout_->size) : std::nullopt;
        if (found)
            return *found;
    }
    return kFramePointer;
}

}  // namespace ringside::debug
