// The loaders behind boot_image.h, one for each protocol.
#pragma once

#include <span>

#include "vmm/boot/boot_image.h"

namespace ringside::boot {

// The input of every loader. `firmware` is empty if there is none.
struct LoadContext {
    const BootRequest& request;
    std::span<std::byte> kernel;
    std::vector<std::span<const std::byte>> modules;
    std::span<const std::byte> firmware;
    const machine::GuestMemory& memory;
    BootLog& log;
    std::optional<Gpa> rsdp{};  // ACPI's root pointer, if there are tables; passed on by protocols that can

    // For a kernel that takes one; empty if there is none.
    std::span<const std::byte> initrd() const {
        return modules.empty() ? std::span<const std::byte>{} : modules.front();
    }
};

// A loader's error. It has no operation, because load() adds the file's name.
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
