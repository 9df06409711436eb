// What a loader produces from a kernel file: values, tested without KVM, that are applied to a machine later.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "arch/x86_64/cpu_state.h"
#include "vmm/base/error.h"
#include "vmm/base/ids.h"
#include "vmm/boot/acpi/tables.h"
#include "vmm/boot/boot_log.h"
#include "vmm/machine/fw_cfg_items.h"
#include "vmm/machine/guest_memory.h"

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

// Where Linux is entered. Auto: for a bzImage the packed kernel, if the monitor can unpack it, otherwise the
// bzImage's own decompressor; for a vmlinux the PVH entry, if it has one. Payload: always the 64-bit entry of
// the vmlinux.
enum class LinuxEntry : std::uint8_t { Auto, Decompressor, Payload };

// A file that the kernel is given with its own: the initrd, for a multiboot kernel a module.
struct BootModule {
    std::filesystem::path file{};
    std::string text{};  // the path, and the words after it for a multiboot kernel
};

struct BootRequest {
    std::filesystem::path kernel{};
    std::vector<BootModule> modules{};  // more than one for multiboot kernels only
    // The firmware that starts the kernel, which must be a bzImage, at its 16-bit entry. Default: none, the
    // kernel is entered directly.
    std::optional<std::filesystem::path> firmware{};
    std::string command_line{};          // empty: Linux gets linux_boot::kDefaultCommandLine, others nothing
    std::optional<Gpa> load_address{};   // flat images only; default layout::kFlatImage
    std::optional<Protocol> protocol{};  // forced; default: detected from the file
    std::uint32_t cpus = 1;
    std::optional<acpi::Machine> acpi{};  // what the ACPI tables describe; default: no tables
    LinuxEntry linux_entry = LinuxEntry::Auto;
    std::optional<std::uint64_t> kaslr_slide{};  // bytes; default: random, unless `nokaslr` is given
    std::function<void(const std::string& what)> on_stage{};  // called as each stage of a load begins
};

// Read-only memory at `start`.
struct Rom {
    Gpa start;
    std::vector<std::byte> bytes;  // whole pages
};

// The result of a load: guest memory is filled in, and this is vCPU 0's initial state. Other vCPUs wait for
// SIPI.
struct BootState {
    Protocol protocol = Protocol::Flat;
    x86::GeneralRegisters general;
    x86::SystemRegisters system;
    Gpa entry;
    std::string summary;  // one line for the log: "PVH, entry 0x1000000, 3 segments up to 0x3200000"
    // The distance of Linux from its link address, if it is known before Linux runs, and the resulting
    // address of its first segment.
    std::optional<std::uint64_t> kaslr_slide;
    std::optional<std::uint64_t> first_segment;
    std::optional<Rom> rom;         // to be added to the guest's memory
    machine::FwCfgItems fw_cfg;     // items of the fw_cfg device
    std::vector<BootStage> stages;  // the stages of the load and their times
};

// Loads a kernel into `memory`. Errors name the file, what is wrong with it, and what would be right.
Result<BootState> load(const BootRequest& request, const machine::GuestMemory& memory);

// The contents of the request's files. An empty firmware means that there is none.
struct BootFiles {
    std::span<std::byte> kernel;  // not changed; libelf requires writable bytes
    std::vector<std::span<const std::byte>> modules{};
    std::span<const std::byte> firmware{};
};

// The same for files that are already in memory. The contents are untrusted; the request's paths serve only
// as names.
Result<BootState> load(const BootRequest& request, const BootFiles& files,
                       const machine::GuestMemory& memory);

}  // namespace ringside::boot
