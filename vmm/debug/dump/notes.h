// The notes of an ELF vmcore, as bytes: gdb, crash and drgn read the processors' state from them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "arch/x86_64/cpu_state.h"
#include "arch/x86_64/registers.h"

namespace ringside::debug {

using Bytes = std::vector<std::byte>;

// One note, padded to 4 bytes.
Bytes elf_note(std::string_view owner, std::uint32_t type, std::span<const std::byte> content);

// NT_PRSTATUS of Linux's core files: one for each processor, its thread id from 1.
Bytes prstatus_note(std::uint32_t thread, const x86::CpuState& state);

// QEMU's note of a processor: includes system registers, from which crash learns where KASLR has put the kernel.
Bytes qemu_note(const x86::CpuState& state);

// Its inverse, from a note's content; nullopt if it is not such a note. QEMU's note has no EFER: `long_mode` says if
// IA-32e mode was active. A segment that is not present is unusable.
std::optional<x86::CpuState> from_qemu_note(std::span<const std::byte> content, bool long_mode);

// Ringside's own note of a processor: a line "NAME=BYTES" for each register that is known, with its bytes in
// hexadecimal from the lowest on. It contains what the other notes omit: EFER, debug and vector registers, MSRs.
inline constexpr std::string_view kRegistersOwner = "RINGSIDE";
Bytes registers_note(const x86::RegisterFile& file, const x86::CpuState& state,
                     const std::function<bool(const x86::RegisterInfo&)>& known);

}  // namespace ringside::debug
