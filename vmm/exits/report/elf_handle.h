// libelf's view of an open file, which ends with its owner.
#pragma once

#include <libelf.h>

#include <memory>

namespace ringside::exits {

struct ElfEnd {
    void operator()(Elf* elf) const { elf_end(elf); }
};
using ElfHandle = std::unique_ptr<Elf, ElfEnd>;

}  // namespace ringside::exits
