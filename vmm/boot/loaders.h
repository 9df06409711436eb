// The loaders behind boot_image.h, one for each protocol.
#pragma once

#include <span>

#include "vmm/boot/boot_image.h"

namespace ringside::boot {

// What every loader gets. `initrd` and `firmware` are empty if there is none.
struct LoadContext {
    const BootRequest& request;
    std::span<std::byte> kernel;
    std::span<const std::byte> initrd;
    std::span<const std::byte> firmware;
    const machine::GuestMemory& memory;
    BootLog& log;
    std::optional<Gpa> rsdp{};  // ACPI's root table, if there are any; handed on by the protocols that can
};

// A loader's error without an operation: load() names the file.
inline tl::unexpected<Error> reject(std::string reason, std::string advice = {}) {
    return failure({}, std::move(reason), std::move(advice));
}

Result<BootState> load_flat(const LoadContext& context);
Result<BootState> load_elf(const LoadContext& context);
Result<BootState> load_multiboot1(const LoadContext& context);
Result<BootState> load_multiboot2(const LoadContext& context);
Result<BootState> load_firmware(const LoadContext& context);
Result<BootState> load_pvh(const LoadContext& context);
Result<BootState> load_linux_bzimage(const LoadContext& context);
Result<BootState> load_linux_elf(const LoadContext& context);

}  // namespace ringside::boot
