#include "vmm/exits/report/code_width.h"

#include <elfutils/libdw.h>
#include <fcntl.h>
#include <gelf.h>
#include <libelf.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "vmm/base/fd.h"
#include "vmm/exits/report/elf_handle.h"

namespace ringside::exits {
namespace {

struct DwarfEnd {
    void operator()(Dwarf* dwarf) const { dwarf_end(dwarf); }
};

// The widest address of any unit; nullopt if there is no unit, or a damaged one.
std::optional<unsigned> widest_unit(Dwarf* dwarf) {
    std::optional<unsigned> widest;
    Dwarf_Off offset = 0;
    for (;;) {
        Dwarf_Off next = 0;
        std::size_t header_size = 0;
        std::uint8_t address_size = 0;
        const int result = dwarf_next_unit(dwarf, offset, &next, &header_size, nullptr, nullptr,
                                           &address_size, nullptr, nullptr, nullptr);
        if (result < 0)
            return std::nullopt;
        if (result > 0 || next <= offset)
            return widest;
        widest = std::max<unsigned>(widest.value_or(0), address_size);
        offset = next;
    }
}

}  // namespace

bool is_elf(const std::filesystem::path& path) {
    const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file || elf_version(EV_CURRENT) == EV_NONE)
        return false;
    const ElfHandle elf(elf_begin(file.get(), ELF_C_READ, nullptr));
    return elf != nullptr && elf_kind(elf.get()) == ELF_K_ELF;
}

std::optional<unsigned> code_address_bytes(const std::filesystem::path& path) {
    const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file || elf_version(EV_CURRENT) == EV_NONE)
        return std::nullopt;
    const ElfHandle elf(elf_begin(file.get(), ELF_C_READ, nullptr));
    if (elf == nullptr || elf_kind(elf.get()) != ELF_K_ELF)
        return std::nullopt;
    if (gelf_getclass(elf.get()) == ELFCLASS64)
        return 8;
    const std::unique_ptr<Dwarf, DwarfEnd> dwarf(dwarf_begin_elf(elf.get(), DWARF_C_READ, nullptr));
    return dwarf == nullptr ? std::nullopt : widest_unit(dwarf.get());
}

}  // namespace ringside::exits
