#include "vmm/boot/boot_image.h"

#include <fmt/format.h>

#include <utility>

#include "vmm/boot/detect.h"
#include "vmm/boot/file.h"
#include "vmm/boot/loaders.h"

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
        case Protocol::Pvh:
            return load_pvh(context);
    }
    return reject("no such protocol");
}

// Loaders do not know the file's name; their errors get it here.
Error named(Error error, const BootRequest& request) {
    if (error.operation.empty())
        error.operation = fmt::format("load {}", request.kernel.string());
    return error;
}

Result<BootState> detect_and_load(const LoadContext& context) {
    if (context.kernel.empty())
        return reject("the file is empty", "Build it again");
    if (context.request.protocol)
        return load_by(*context.request.protocol, context);
    const auto protocol = detect(context.kernel);
    if (!protocol)
        return tl::unexpected(protocol.error());
    return load_by(*protocol, context);
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
        case Protocol::Pvh:
            return "PVH";
    }
    return "unknown protocol";
}

Result<BootState> load(const BootRequest& request, std::span<std::byte> kernel,
                       std::span<const std::byte> initrd, const machine::GuestMemory& memory) {
    auto state = detect_and_load({request, kernel, initrd, memory});
    if (!state)
        return tl::unexpected(named(std::move(state.error()), request));
    return state;
}

Result<BootState> load(const BootRequest& request, const machine::GuestMemory& memory) {
    auto kernel = read_file(request.kernel);
    if (!kernel)
        return tl::unexpected(kernel.error());
    std::vector<std::byte> initrd;
    if (request.initrd) {
        auto bytes = read_file(*request.initrd);
        if (!bytes)
            return tl::unexpected(bytes.error());
        initrd = std::move(*bytes);
    }
    return load(request, *kernel, initrd, memory);
}

}  // namespace ringside::boot
