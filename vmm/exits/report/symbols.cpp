#include "vmm/exits/report/symbols.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <gelf.h>
#include <libelf.h>

#include <cxxabi.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <limits>
#include <memory>

#include "vmm/base/fd.h"
#include "vmm/exits/report/elf_handle.h"

namespace ringside::exits {
namespace {

std::string operation(const std::filesystem::path& path) {
    return "read symbols of " + path.string();
}

Error elf_failure(const std::filesystem::path& path) {
    const char* message = elf_errmsg(-1);
    return Error{operation(path), message != nullptr ? message : "unknown ELF error", 0, std::nullopt, {}};
}

// A section that contains code: bounds unsized labels, and decides whether an address is in code.
struct CodeSection {
    std::uint64_t start = 0;
    std::uint64_t end = 0;
};

std::optional<CodeSection> code_section(Elf* elf, GElf_Section index) {
    if (index == SHN_UNDEF || index >= SHN_LORESERVE)
        return std::nullopt;
    Elf_Scn* section = elf_getscn(elf, index);
    GElf_Shdr header{};
    if (section == nullptr || gelf_getshdr(section, &header) == nullptr ||
        (header.sh_flags & SHF_EXECINSTR) == 0)
        return std::nullopt;
    if (header.sh_size > std::numeric_limits<std::uint64_t>::max() - header.sh_addr)
        return std::nullopt;
    return CodeSection{header.sh_addr, header.sh_addr + header.sh_size};
}

// Functions and assembly labels. An unsized one extends to the end of its section; SymbolTable ends it at the
// next symbol.
std::optional<Symbol> code_symbol(Elf* elf, const GElf_Shdr& table, const GElf_Sym& entry) {
    const unsigned type = GELF_ST_TYPE(entry.st_info);
    if (type != STT_FUNC && type != STT_NOTYPE && type != STT_GNU_IFUNC)
        return std::nullopt;
    const auto section = code_section(elf, entry.st_shndx);
    if (!section || entry.st_value < section->start || entry.st_value >= section->end)
        return std::nullopt;
    const char* name = elf_strptr(elf, table.sh_link, entry.st_name);
    if (name == nullptr || *name == '\0')
        return std::nullopt;
    const std::uint64_t rest = section->end - entry.st_value;
    const std::uint64_t size = entry.st_size == 0 ? rest : std::min<std::uint64_t>(entry.st_size, rest);
    return Symbol{entry.st_value, size, name};
}

// The first section of a type.
Elf_Scn* find_section(Elf* elf, GElf_Word type, GElf_Shdr& header) {
    for (Elf_Scn* section = elf_nextscn(elf, nullptr); section != nullptr;
         section = elf_nextscn(elf, section))
        if (gelf_getshdr(section, &header) != nullptr && header.sh_type == type)
            return section;
    return nullptr;
}

// Sized functions come before labels, and global names before local ones, so that the best name of an address
// is kept.
int rank(const GElf_Sym& entry) {
    return (GELF_ST_TYPE(entry.st_info) == STT_NOTYPE ? 2 : 0) +
           (GELF_ST_BIND(entry.st_info) == STB_LOCAL ? 1 : 0);
}

Result<std::vector<Symbol>> read_symbols(Elf* elf, const std::filesystem::path& path) {
    GElf_Shdr header{};
    Elf_Scn* section = find_section(elf, SHT_SYMTAB, header);
    if (section == nullptr)
        return failure(operation(path), "it has no symbol table",
                       "Give the unstripped kernel (vmlinux) with --symbols FILE");
    Elf_Data* data = elf_getdata(section, nullptr);
    if (data == nullptr || header.sh_entsize == 0)
        return tl::unexpected<Error>(elf_failure(path));
    const std::uint64_t count = data->d_size / header.sh_entsize;
    if (count > SymbolTable::kMaximumSymbols)
        return failure(operation(path), fmt::format("{} symbols are more than any kernel has", count));

    std::vector<std::pair<int, Symbol>> ranked;
    for (int i = 0; i < static_cast<int>(count); ++i) {
        GElf_Sym entry{};
        if (gelf_getsym(data, i, &entry) == nullptr)
            break;
        if (auto symbol = code_symbol(elf, header, entry))
            ranked.emplace_back(rank(entry), std::move(*symbol));
    }
    std::stable_sort(ranked.begin(), ranked.end(),
                     [](const auto& a, const auto& b) { return a.first < b.first; });
    std::vector<Symbol> symbols;
    symbols.reserve(ranked.size());
    for (auto& [order, symbol] : ranked)
        symbols.push_back(std::move(symbol));
    return symbols;
}

}  // namespace

SymbolTable::SymbolTable(std::vector<Symbol> symbols) : symbols_(std::move(symbols)) {
    std::stable_sort(symbols_.begin(), symbols_.end(),
                     [](const Symbol& a, const Symbol& b) { return a.address < b.address; });
    const auto same = [](const Symbol& a, const Symbol& b) { return a.address == b.address; };
    symbols_.erase(std::unique(symbols_.begin(), symbols_.end(), same), symbols_.end());
}

Result<SymbolTable> SymbolTable::load(const std::filesystem::path& path) {
    const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file)
        return errno_failure(operation(path), errno);
    if (elf_version(EV_CURRENT) == EV_NONE)
        return tl::unexpected<Error>(elf_failure(path));
    // Read the file instead of mapping it: a mapped file that shrinks would kill the monitor with SIGBUS.
    const ElfHandle elf(elf_begin(file.get(), ELF_C_READ, nullptr));
    if (elf == nullptr)
        return tl::unexpected<Error>(elf_failure(path));
    if (elf_kind(elf.get()) != ELF_K_ELF)
        return failure(operation(path), "not an ELF file",
                       "Give the unstripped kernel (vmlinux) with --symbols FILE");
    auto symbols = TRY(read_symbols(elf.get(), path));
    return SymbolTable(std::move(symbols));
}

std::optional<SymbolTable::Match> SymbolTable::find(std::uint64_t address) const {
    const std::uint64_t linked = address - slide_;
    const auto above =
        std::upper_bound(symbols_.begin(), symbols_.end(), linked,
                         [](std::uint64_t value, const Symbol& symbol) { return value < symbol.address; });
    if (above == symbols_.begin())
        return std::nullopt;
    const Symbol& symbol = *std::prev(above);
    const std::uint64_t offset = linked - symbol.address;
    if (symbol.size != 0 && offset >= symbol.size)
        return std::nullopt;
    return Match{symbol, offset};
}

std::string readable_name(const std::string& symbol) {
    // The file is untrusted: a name of unusual length could keep the demangler busy for a long time.
    constexpr std::size_t kLongest = 1024;
    if (!symbol.starts_with("_Z") || symbol.size() > kLongest)
        return symbol;
    int status = 0;
    const std::unique_ptr<char, decltype(&std::free)> text(
        abi::__cxa_demangle(symbol.c_str(), nullptr, nullptr, &status), &std::free);
    if (text == nullptr)
        return symbol;
    std::string_view name(text.get());
    int depth = 0;  // parentheses nest in parameters; "(anonymous namespace)" comes before them
    for (std::size_t i = name.rfind(')'); i < name.size(); --i) {
        depth += name[i] == ')' ? 1 : name[i] == '(' ? -1 : 0;
        if (depth == 0)
            return std::string(name.substr(0, i));
    }
    return std::string(name);
}

std::string SymbolTable::describe(std::uint64_t address) const {
    const auto match = find(address);
    if (!match)
        return {};
    const std::string name = readable_name(match->symbol.name);
    return match->offset == 0 ? name : fmt::format("{}+0x{:x}", name, match->offset);
}

std::optional<std::uint64_t> SymbolTable::address_of(std::string_view name) const {
    const auto found = std::find_if(symbols_.begin(), symbols_.end(),
                                    [name](const Symbol& symbol) { return symbol.name == name; });
    if (found == symbols_.end())
        return std::nullopt;
    return found->address + slide_;
}

}  // namespace ringside::exits
