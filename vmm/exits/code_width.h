// How wide the code of a kernel is, as its file tells.
#pragma once

#include <filesystem>
#include <optional>

namespace ringside::exits {

// The bytes of an address in an ELF file's code: 4 or 8; nothing if that cannot be told. A 32-bit file says
// little by itself: multiboot loaders want kernels that enter 64-bit mode in one, too (objcopy -O
// elf32-i386). But its debug information stays what the compiler has made, so it is 4 only if every unit of
// that has 4.
std::optional<unsigned> code_address_bytes(const std::filesystem::path& path);

}  // namespace ringside::exits
