#include "vmm/debug/linux/kernel/modules.h"

#include <elf.h>

#include <algorithm>

#include <fmt/format.h>

#include "vmm/debug/linux/kernel/kernel_list.h"

namespace ringside::debug {

namespace {

constexpr std::size_t kMostModules = 10'000;
constexpr std::size_t kMostUsers = 20'000;  // of all modules together
constexpr std::uint64_t kMostParts = 16;
constexpr std::uint64_t kMostModuleSymbols = 100'000;
constexpr std::size_t kLongestSymbol = 511;
constexpr std::uint64_t kUnformed = 3;  // MODULE_STATE_UNFORMED: not to be seen yet
// module_refcount(): one reference is the module's own.
constexpr std::uint64_t kOwnReference = 1;

// A part of a module in memory.
struct PartLayout {
    std::uint64_t offset = 0;  // in struct module
    Field base, size;
};

struct ModuleLayout {
    Field list, name, state;
    std::vector<PartLayout> parts;  // its code first
    std::optional<Field> uses;
    std::optional<Field> users, user_list, user;
};

// Linux 6.4 and later keep parts in an array, earlier kernels have one layout for what stays and one for what begins.
Result<std::vector<PartLayout>> part_layouts(const LinuxKernel& kernel) {
    std::vector<PartLayout> parts;
    if (const auto array = kernel.optional_field("module", "mem")) {
        const Field base = TRY(kernel.field("module_memory", "base"));
        const Field size = TRY(kernel.field("module_memory", "size"));
        const std::uint64_t step = TRY(kernel.size_of("module_memory"));
        for (std::uint64_t i = 0; i < std::min(array->length, kMostParts); ++i)
            parts.push_back({array->offset + i * step, base, size});
        return parts;
    }
    const Field base = TRY(kernel.field("module_layout", "base"));
    const Field size = TRY(kernel.field("module_layout", "size"));
    for (const std::string_view name : {"core_layout", "init_layout", "data_layout"}) {
        if (const auto part = kernel.optional_field("module", name))
            parts.push_back({part->offset, base, size});
    }
    if (parts.empty())
        return failure("look up module.core_layout", "the kernel's types (BTF) do not have it");
    return parts;
}

Result<ModuleLayout> module_layout(const LinuxKernel& kernel) {
    ModuleLayout layout;
    layout.list = TRY(kernel.field("module", "list"));
    layout.name = TRY(kernel.field("module", "name"));
    layout.state = TRY(kernel.field("module", "state"));
    layout.parts = TRY(part_layouts(kernel));
    layout.uses = kernel.optional_field("module", "refcnt.counter");
    layout.users = kernel.optional_field("module", "source_list");
    layout.user_list = kernel.optional_field("module_use", "source_list");
    layout.user = kernel.optional_field("module_use", "source");
    return layout;
}

std::string module_name(const LinuxKernel& kernel, const ModuleLayout& layout, std::uint64_t module) {
    return printable(kernel.memory().text(module + layout.name.offset, layout.name.size).value_or("?"));
}

std::string_view state_name(std::uint64_t state) {
    constexpr std::string_view kNames[] = {"Live", "Loading", "Unloading"};
    return state < std::size(kNames) ? kNames[state] : "?";
}

// At most `most`.
std::vector<std::string> users(const LinuxKernel& kernel, const ModuleLayout& layout, std::uint64_t module,
                               std::size_t most) {
    std::vector<std::string> names;
    if (!layout.users || !layout.user_list || !layout.user)
        return names;
    const KernelList uses = read_list(kernel, module + layout.users->offset, layout.user_list->offset, most);
    for (const std::uint64_t use : uses.entries) {
        const auto user = kernel.number(use, *layout.user);
        names.push_back(user ? module_name(kernel, layout, *user) : "?");
    }
    return names;
}

Result<LinuxModule> read_module(const LinuxKernel& kernel, const ModuleLayout& layout,
                                std::uint64_t structure, std::uint64_t state) {
    LinuxModule module;
    module.structure = structure;
    module.name = module_name(kernel, layout, structure);
    module.state = state_name(state);
    for (const PartLayout& part : layout.parts)
        module.size += TRY(kernel.number(structure + part.offset, part.size));
    const PartLayout& code = layout.parts.front();
    module.address = TRY(kernel.number(structure + code.offset, code.base));
    module.code_size = TRY(kernel.number(structure + code.offset, code.size));
    if (layout.uses)
        module.uses = TRY(kernel.number(structure, *layout.uses)) - kOwnReference;
    return module;
}

// The symbol table that a module has kept.
struct ModuleSymbols {
    std::uint64_t table = 0, count = 0, names = 0;
};
std::optional<ModuleSymbols> module_symbols(const LinuxKernel& kernel, std::uint64_t module) {
    const auto number = [&](std::string_view structure, std::string_view path,
                            std::uint64_t at) -> std::uint64_t {
        const auto field = kernel.optional_field(structure, path);
        return field ? kernel.number(at, *field).value_or(0) : 0;
    };
    const std::uint64_t symbols = number("module", "kallsyms", module);
    if (symbols == 0)
        return std::nullopt;
    return ModuleSymbols{number("mod_kallsyms", "symtab", symbols),
                         number("mod_kallsyms", "num_symtab", symbols),
                         number("mod_kallsyms", "strtab", symbols)};
}

// The last symbol at or below an address.
std::optional<Elf64_Sym> symbol_before(const LinuxKernel& kernel, const ModuleSymbols& symbols,
                                       std::uint64_t address) {
    std::vector<Elf64_Sym> table(std::min(symbols.count, kMostModuleSymbols));
    if (!kernel.memory().read(symbols.table, std::as_writable_bytes(std::span(table))))
        return std::nullopt;
    std::optional<Elf64_Sym> best;
    for (const Elf64_Sym& symbol : table) {
        if (symbol.st_shndx != SHN_UNDEF && symbol.st_name != 0 && symbol.st_value <= address &&
            (!best || symbol.st_value > best->st_value))
            best = symbol;
    }
    return best;
}

}  // namespace

std::string module_place(const LinuxKernel& kernel, const LinuxModule& module, std::uint64_t address) {
    const auto symbols = module_symbols(kernel, module.structure);
    const auto symbol = symbols ? symbol_before(kernel, *symbols, address) : std::nullopt;
    const auto name = symbol && symbol->st_value >= module.address
                          ? kernel.memory().text(symbols->names + symbol->st_name, kLongestSymbol)
                          : std::nullopt;
    return name ? fmt::format("{}+0x{:x}", printable(*name), address - symbol->st_value)
                : fmt::format("0x{:x}", address - module.address);
}

Result<LinuxModules> read_modules(const LinuxKernel& kernel) {
    const ModuleLayout layout = TRY(module_layout(kernel));
    const std::uint64_t head = TRY(kernel.symbol("modules"));
    const KernelList list = read_list(kernel, head, layout.list.offset, kMostModules);
    LinuxModules found{{}, list.incomplete};
    std::size_t users_left = kMostUsers;
    for (const std::uint64_t structure : list.entries) {
        const auto state = kernel.number(structure, layout.state);
        if (state && *state == kUnformed)
            continue;
        auto module = state ? read_module(kernel, layout, structure, *state)
                            : Result<LinuxModule>(tl::unexpected(state.error()));
        if (!module) {
            found.incomplete = fmt::format("The module at 0x{:x} cannot be read.", structure);
            continue;
        }
        module->used_by = users(kernel, layout, structure, users_left);
        users_left -= module->used_by.size();
        found.modules.push_back(*std::move(module));
    }
    return found;
}

}  // namespace ringside::debug
