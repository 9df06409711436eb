#include "tests/conformance/symbols.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <gelf.h>
#include <libelf.h>
#include <unistd.h>

#include <memory>
#include <stdexcept>

namespace ringside::conformance {

namespace {

struct File {
    explicit File(const std::filesystem::path& path) : handle(open(path.c_str(), O_RDONLY | O_CLOEXEC)) {}
    ~File() {
        if (handle >= 0)
            close(handle);
    }
    File(const File&) = delete;
    File& operator=(const File&) = delete;
    int handle;
};

struct ElfEnd {
    void operator()(Elf* elf) const { elf_end(elf); }
};

Elf_Scn* symbol_table(Elf* elf, GElf_Shdr& header) {
    Elf_Scn* section = nullptr;
    while ((section = elf_nextscn(elf, section)) != nullptr) {
        if (gelf_getshdr(section, &header) != nullptr && header.sh_type == SHT_SYMTAB)
            return section;
    }
    return nullptr;
}

}  // namespace

Symbols::Symbols(const std::filesystem::path& path) {
    elf_version(EV_CURRENT);
    const File file(path);
    const std::unique_ptr<Elf, ElfEnd> elf(elf_begin(file.handle, ELF_C_READ, nullptr));
    GElf_Shdr header{};
    Elf_Scn* section = elf ? symbol_table(elf.get(), header) : nullptr;
    Elf_Data* data = section != nullptr ? elf_getdata(section, nullptr) : nullptr;
    if (data == nullptr || header.sh_entsize == 0)
        throw std::runtime_error(fmt::format("{} has no symbols", path.native()));
    const auto count = static_cast<int>(header.sh_size / header.sh_entsize);
    for (int i = 0; i < count; ++i) {
        GElf_Sym symbol{};
        if (gelf_getsym(data, i, &symbol) == nullptr || symbol.st_shndx == SHN_UNDEF ||
            symbol.st_shndx == SHN_ABS)
            continue;
        const char* name = elf_strptr(elf.get(), header.sh_link, symbol.st_name);
        if (name == nullptr || *name == '\0')
            continue;
        by_name_.emplace(name, symbol.st_value);
        by_address_.insert_or_assign(symbol.st_value, name);
    }
}

std::uint64_t Symbols::at(const std::string& name) const {
    const auto it = by_name_.find(name);
    if (it == by_name_.end())
        throw std::runtime_error(fmt::format("the guest has no symbol {}", name));
    return it->second;
}

std::string Symbols::describe(std::uint64_t address) const {
    auto it = by_address_.upper_bound(address);
    if (it == by_address_.begin())
        return fmt::format("0x{:x}", address);
    --it;
    return address == it->first ? it->second : fmt::format("{}+{}", it->second, address - it->first);
}

}  // namespace ringside::conformance
