// What a loader makes of a kernel file: values first (tested without KVM), applied to a machine later.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "arch/x86_64/cpu_state.h"
#include "vmm/machine/guest_memory.h"
#include "vmm/types.h"

namespace ringside::boot {

enum class Protocol : std::uint8_t { Flat, Elf32, Elf64, Multiboot1, Pvh };

// "multiboot 1", "PVH", ...
const char* protocol_name(Protocol);

struct BootRequest {
    std::filesystem::path kernel{};
    std::optional<std::filesystem::path> initrd{};
    std::string command_line{};
    std::optional<Gpa> load_address{};   // flat images only; default layout::kFlatImage
    std::optional<Protocol> protocol{};  // forced; default: detected from the file
    std::uint32_t cpus = 1;
    std::optional<Gpa> rsdp{};  // ACPI's root table, if there are any; handed on by the protocols that can
};

// The outcome: memory is filled in, and this is the state in which vCPU 0 starts. Other vCPUs wait for SIPI.
struct BootState {
    Protocol protocol = Protocol::Flat;
    x86::GeneralRegisters general;
    x86::SystemRegisters system;
    Gpa entry;
    std::string summary;  // one line for the log: "PVH, entry 0x1000000, 3 segments up to 0x3200000"
};

// Loads a kernel into `memory`. Errors name the file, what is wrong with it and what would be right.
Result<BootState> load(const BootRequest& request, const machine::GuestMemory& memory);

// The same from bytes that are already here, and any bytes at all: the request's paths are names only. An
// empty `initrd` is none. The kernel's bytes are not changed, though libelf asks for writable ones.
Result<BootState> load(const BootRequest& request, std::span<std::byte> kernel,
                       std::span<const std::byte> initrd, const machine::GuestMemory& memory);

}  // namespace ringside::boot
