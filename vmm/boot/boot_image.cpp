#include "vmm/boot/boot_image.h"

#include <fmt/format.h>

#include <utility>

#include "vmm/boot/detect.h"
#include "vmm/boot/file.h"
#include "vmm/boot/firmware.h"
#include "vmm/boot/linux/command_line.h"
#include "vmm/boot/loaders.h"
#include "vmm/machine/layout.h"

namespace ringside::boot {

namespace {

Result<BootState> load_by(Protocol protocol, const LoadContext& context) {
    switch (protocol) {
        case Protocol::Flat:
            return load_flat(context);
        case Protocol::Elf32:
        case Protocol::Elf64:
            return load_elf(context);
        case Protocol::Multiboot1:
            return load_multiboot1(context);
        case Protocol::Multiboot2:
            return load_multiboot2(context);
        case Protocol::Firmware:
            return load_firmware(context);
        case Protocol::Pvh:
            return load_pvh(context);
        case Protocol::LinuxBzImage:
            return load_linux_bzimage(context);
        case Protocol::LinuxElf:
            return load_linux_elf(context);
    }
    return reject("no such protocol");
}

// Loaders do not know the file's name; it is added to their errors here.
Error named(Error error, const BootRequest& request) {
    if (error.operation.empty())
        error.operation = fmt::format("load {}", request.kernel.string());
    return error;
}

Result<Protocol> protocol_of(const LoadContext& context) {
    if (!context.firmware.empty())
        return Protocol::Firmware;
    if (context.kernel.empty())
        return reject("the file is empty", "Build it again");
    if (context.request.protocol)
        return *context.request.protocol;
    auto protocol = detect(context.kernel);
    if (protocol && *protocol == Protocol::Pvh && context.request.linux_entry == LinuxEntry::Payload &&
        linux_boot::is_linux(context.kernel))
        return Protocol::LinuxElf;
    return protocol;
}

// Only multiboot kernels take several modules, and words with them.
Result<void> check_modules(Protocol protocol, const LoadContext& context) {
    if (protocol == Protocol::Multiboot1 || protocol == Protocol::Multiboot2)
        return {};
    if (context.modules.size() > 1)
        return reject(fmt::format("{} initrds are given, and only a multiboot kernel takes more than one",
                                  context.modules.size()),
                      "Join Linux's into one file: cat FIRST SECOND > BOTH");
    for (const BootModule& module : context.request.modules) {
        if (module.text != module.file.string())
            return reject(fmt::format("there is no file \"{}\", and only a multiboot kernel takes words "
                                      "after a module's file",
                                      module.text),
                          "Name the file alone");
    }
    return {};
}

Result<BootState> detect_and_load(LoadContext context) {
    const auto protocol = TRY(protocol_of(context));
    TRY(check_modules(protocol, context));
    // Firmware finds the tables in its own way. A guest that is too small for the tables gets none.
    if (context.request.acpi && protocol != Protocol::Firmware) {
        if (const auto rsdp = acpi::place(*context.request.acpi, layout::kAcpiTables, context.memory))
            context.rsdp = *rsdp;
    }
    return load_by(protocol, context);
}

Result<BootState> load_logged(const BootRequest& request, const BootFiles& files,
                              const machine::GuestMemory& memory, BootLog& log) {
    log.begin("place the kernel");
    auto state = detect_and_load({request, files.kernel, files.modules, files.firmware, memory, log});
    if (!state)
        return tl::unexpected(named(std::move(state.error()), request));
    describe_machine(request.cpus, memory, state->fw_cfg);
    state->stages = log.take();
    return state;
}

Result<std::vector<std::byte>> read_logged(const std::filesystem::path& path, BootLog& log) {
    std::error_code unknown;
    const auto size = std::filesystem::file_size(path, unknown);
    log.begin(unknown ? fmt::format("read {}", path.string())
                      : fmt::format("read {:.1f} MiB of {}", mib(size), path.string()));
    return read_file(path);
}

// Empty if no file was requested. (A file without bytes is refused, so the two cases differ.)
Result<std::vector<std::byte>> read_optional(const std::optional<std::filesystem::path>& path, BootLog& log) {
    return path ? read_logged(*path, log) : std::vector<std::byte>();
}

}  // namespace

const char* protocol_name(Protocol protocol) {
    switch (protocol) {
        case Protocol::Flat:
            return "flat image";
        case Protocol::Elf32:
            return "ELF32";
        case Protocol::Elf64:
            return "ELF64";
        case Protocol::Multiboot1:
            return "multiboot 1";
        case Protocol::Multiboot2:
            return "multiboot 2";
        case Protocol::Firmware:
            return "firmware";
        case Protocol::Pvh:
            return "PVH";
        case Protocol::LinuxBzImage:
            return "Linux bzImage";
        case Protocol::LinuxElf:
            return "Linux vmlinux";
    }
    return "unknown protocol";
}

Result<BootState> load(const BootRequest& request, const BootFiles& files,
                       const machine::GuestMemory& memory) {
    BootLog log(request.on_stage);
    return load_logged(request, files, memory, log);
}

Result<BootState> load(const BootRequest& request, const machine::GuestMemory& memory) {
    BootLog log(request.on_stage);
    auto kernel = TRY(read_logged(request.kernel, log));
    std::vector<std::vector<std::byte>> modules;
    for (const BootModule& module : request.modules)
        modules.push_back(TRY(read_logged(module.file, log)));
    const auto firmware = TRY(read_optional(request.firmware, log));
    return load_logged(request, {kernel, {modules.begin(), modules.end()}, firmware}, memory, log);
}

}  // namespace ringside::boot
