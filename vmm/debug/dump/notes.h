// The notes of an ELF vmcore, as bytes: what gdb, crash and drgn know a processor by.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "arch/x86_64/cpu_state.h"

namespace ringside::debug {

using Bytes = std::vector<std::byte>;

// One note, padded to 4 bytes.
Bytes elf_note(std::string_view owner, std::uint32_t type, std::span<const std::byte> content);

// NT_PRSTATUS of Linux's core files: one for each processor, its thread id from 1.
Bytes prstatus_note(std::uint32_t thread, const x86::CpuState& state);

// QEMU's note of a processor: the system registers too, from which crash learns where KASLR has put the kernel.
Bytes qemu_note(const x86::CpuState& state);

}  // namespace ringside::debug
