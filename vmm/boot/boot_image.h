// What a loader makes of a kernel file: values first (tested without KVM), applied to a machine later.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "arch/x86_64/cpu_state.h"
#include "vmm/boot/acpi/tables.h"
#include "vmm/boot/boot_log.h"
#include "vmm/machine/fw_cfg_items.h"
#include "vmm/machine/guest_memory.h"
#include "vmm/types.h"

namespace ringside::boot {

enum class Protocol : std::uint8_t {
    Flat,
    Elf32,
    Elf64,
    Multiboot1,
    Multiboot2,
    Pvh,
    LinuxBzImage,
    LinuxElf,
    Firmware
};

// "multiboot 1", "PVH", ...
const char* protocol_name(Protocol);

// Where Linux is entered. Auto: a bzImage by the kernel that is packed in it, if that can be unpacked here,
// else by its own decompressor; a vmlinux by PVH if it has that. Payload: vmlinux by its 64-bit entry in any
// case.
enum class LinuxEntry : std::uint8_t { Auto, Decompressor, Payload };

struct BootRequest {
    std::filesystem::path kernel{};
    std::optional<std::filesystem::path> initrd{};
    // What starts the kernel, which is a bzImage then, by its 16-bit entry; default: it is entered directly.
    std::optional<std::filesystem::path> firmware{};
    std::string command_line{};          // empty: Linux gets linux_boot::kDefaultCommandLine, others nothing
    std::optional<Gpa> load_address{};   // flat images only; default layout::kFlatImage
    std::optional<Protocol> protocol{};  // forced; default: detected from the file
    std::uint32_t cpus = 1;
    std::optional<acpi::Machine> acpi{};  // what ACPI's tables are made of; none without it
    LinuxEntry linux_entry = LinuxEntry::Auto;
    std::optional<std::uint64_t> kaslr_slide{};  // bytes; default: by chance, unless told `nokaslr`
    std::function<void(const std::string& what)> on_stage{};  // hears of each stage of a load as it begins
};

// Bytes that the guest finds at `start` and cannot change.
struct Rom {
    Gpa start;
    std::vector<std::byte> bytes;  // whole pages
};

// The outcome: memory is filled in, and this is the state in which vCPU 0 starts. Other vCPUs wait for SIPI.
struct BootState {
    Protocol protocol = Protocol::Flat;
    x86::GeneralRegisters general;
    x86::SystemRegisters system;
    Gpa entry;
    std::string summary;  // one line for the log: "PVH, entry 0x1000000, 3 segments up to 0x3200000"
    // How far Linux stands from its link address, where that is known before it runs, and where its first
    // segment then is.
    std::optional<std::uint64_t> kaslr_slide;
    std::optional<std::uint64_t> first_segment;
    std::optional<Rom> rom;         // to be added to the guest's memory
    machine::FwCfgItems fw_cfg;     // what the guest is told if it asks as it would ask QEMU
    std::vector<BootStage> stages;  // what loading took
};

// Loads a kernel into `memory`. Errors name the file, what is wrong with it and what would be right.
Result<BootState> load(const BootRequest& request, const machine::GuestMemory& memory);

// The contents of the request's files. An empty initrd or firmware is none.
struct BootFiles {
    std::span<std::byte> kernel;  // not changed, though libelf asks for writable bytes
    std::span<const std::byte> initrd{};
    std::span<const std::byte> firmware{};
};

// The same from bytes that are already here, and any bytes at all: the request's paths are names only.
Result<BootState> load(const BootRequest& request, const BootFiles& files,
                       const machine::GuestMemory& memory);

}  // namespace ringside::boot
