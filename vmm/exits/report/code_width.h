// The width of a kernel's code, according to its file.
#pragma once

#include <filesystem>
#include <optional>

namespace ringside::exits {

// Returns the size in bytes of an address in an ELF file's code: 4 or 8, or nullopt if it is not known. A
// 32-bit file alone says little: multiboot loaders require one also for kernels that enter 64-bit mode
// (objcopy -O elf32-i386). Its debug information is unchanged, however, so the result is 4 only if every unit
// has 4.
std::optional<unsigned> code_address_bytes(const std::filesystem::path& path);

// Returns true if the file is an ELF file.
bool is_elf(const std::filesystem::path& path);

}  // namespace ringside::exits
