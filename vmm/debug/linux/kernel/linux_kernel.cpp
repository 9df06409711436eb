#include "vmm/debug/linux/kernel/linux_kernel.h"

#include <array>

#include <fmt/format.h>

#include "vmm/base/text.h"
#include "vmm/debug/dump/vmcoreinfo.h"

namespace ringside::debug {

namespace {

constexpr const char* kFinding = "find the kernel's symbols";
constexpr std::uint64_t kLargestBtf = std::uint64_t{64} << 20;

std::optional<std::uint64_t> note_symbol(const Bytes& note, std::string_view name) {
    const auto text = vmcoreinfo_value(note, fmt::format("SYMBOL({})", name));
    return text ? parse_digits(*text, 16) : std::nullopt;
}

std::optional<std::uint64_t> note_number(const Bytes& note, std::string_view key) {
    const auto text = vmcoreinfo_value(note, key);
    return text ? parse_digits(*text) : std::nullopt;
}

Result<KallsymsPlaces> kallsyms_places(const Bytes& note) {
    const auto count = note_symbol(note, "kallsyms_num_syms"), names = note_symbol(note, "kallsyms_names");
    const auto table = note_symbol(note, "kallsyms_token_table"),
               index = note_symbol(note, "kallsyms_token_index");
    if (!count || !names || !table || !index)
        return failure(kFinding,
                       fmt::format("the VMCOREINFO of this kernel, Linux {}, does not say where they are",
                                   printable(vmcoreinfo_value(note, "OSRELEASE").value_or("?"))),
                       "Linux 6.0 and later do, if they are built with CONFIG_KALLSYMS");
    return KallsymsPlaces{*count,
                          *names,
                          *table,
                          *index,
                          note_symbol(note, "kallsyms_offsets"),
                          note_symbol(note, "kallsyms_relative_base").value_or(0),
                          note_symbol(note, "kallsyms_addresses")};
}

Result<Btf> read_btf(const KernelMemory& memory, const KernelSymbols& symbols) {
    const auto start = symbols.address("__start_BTF"), stop = symbols.address("__stop_BTF");
    if (!start || !stop)
        return failure("find the kernel's types",
                       "it has no BTF (it was built without CONFIG_DEBUG_INFO_BTF, or its symbols without "
                       "CONFIG_KALLSYMS_ALL)");
    if (*stop - *start > kLargestBtf)
        return failure("find the kernel's types",
                       fmt::format("its BTF cannot be from 0x{:x} to 0x{:x}", *start, *stop));
    std::vector<std::byte> bytes(*stop - *start);
    if (!memory.read(*start, bytes))
        return failure("read the kernel's types (BTF)", "its memory cannot be read");
    return Btf::parse(std::move(bytes));
}

}  // namespace

Result<KernelTables> read_kernel_tables(const KernelMemory& memory, Bytes vmcoreinfo) {
    const auto places = TRY(kallsyms_places(vmcoreinfo));
    auto symbols = TRY(KernelSymbols::read(memory, places));
    const auto stext = note_symbol(vmcoreinfo, "_stext");
    if (stext != symbols.address("_stext"))
        return failure(
            kFinding, "they do not agree with the kernel's VMCOREINFO",
            "Something has written to them, or this kernel keeps them in a form that is not known here");
    auto btf = read_btf(memory, symbols);
    KernelTables tables{std::move(vmcoreinfo), std::move(symbols), {}, {}};
    if (btf)
        tables.btf = std::move(*btf);
    else
        tables.no_btf = btf.error().message();
    return tables;
}

std::optional<std::string_view> LinuxKernel::note(std::string_view key) const {
    return vmcoreinfo_value(tables_->vmcoreinfo, key);
}

Result<std::uint64_t> LinuxKernel::symbol(std::string_view name) const {
    if (const auto noted = note_symbol(tables_->vmcoreinfo, name))
        return *noted;
    if (const auto address = symbols().address(name))
        return *address;
    return failure(fmt::format("look up {}", name), "the kernel has no symbol of that name",
                   "Data have theirs with CONFIG_KALLSYMS_ALL only");
}

std::optional<Field> LinuxKernel::optional_field(std::string_view structure, std::string_view path) const {
    if (btf() != nullptr)
        return btf()->field(structure, path);
    const auto offset = note_number(tables_->vmcoreinfo, fmt::format("OFFSET({}.{})", structure, path));
    return offset ? std::optional(Field{*offset}) : std::nullopt;
}

Result<Field> LinuxKernel::field(std::string_view structure, std::string_view path) const {
    if (const auto found = optional_field(structure, path))
        return *found;
    return failure(fmt::format("look up {}.{}", structure, path),
                   btf() == nullptr ? no_btf() : "the kernel's types (BTF) do not have it");
}

Result<std::uint64_t> LinuxKernel::size_of(std::string_view structure) const {
    const auto size = btf() != nullptr ? btf()->size_of(structure)
                                       : note_number(tables_->vmcoreinfo, fmt::format("SIZE({})", structure));
    if (size)
        return *size;
    return failure(fmt::format("look up the size of {}", structure),
                   btf() == nullptr ? no_btf() : "the kernel's types (BTF) do not have it");
}

Result<std::uint64_t> LinuxKernel::number(std::uint64_t structure, const Field& field) const {
    std::array<std::byte, sizeof(std::uint64_t)> bytes{};
    const std::size_t size = field.bits != 0 ? (field.first_bit + field.bits + 7) / 8 : field.size;
    const std::uint64_t address = structure + field.offset;
    if (size == 0 || size > bytes.size())
        return failure(fmt::format("read a number at 0x{:x}", address), fmt::format("its size is {}", size));
    if (!memory_.read(address, std::span(bytes).first(size)))
        return failure(fmt::format("read 0x{:x}", address), "the kernel's memory cannot be read there");
    std::uint64_t value = 0;
    std::memcpy(&value, bytes.data(), sizeof value);
    if (field.bits != 0)
        value = value >> field.first_bit & ((std::uint64_t{1} << field.bits) - 1);
    return value;
}

Result<std::uint64_t> LinuxKernel::pointer(std::uint64_t address) const {
    if (const auto value = memory_.pointer(address))
        return *value;
    return failure(fmt::format("read 0x{:x}", address), "the kernel's memory cannot be read there");
}

}  // namespace ringside::debug
