#include "vmm/boot/detect.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "vmm/boot/elf_image.h"
#include "vmm/boot/firmware.h"
#include "vmm/boot/linux/command_line.h"
#include "vmm/boot/linux/setup_header.h"
#include "vmm/boot/loaders.h"
#include "vmm/boot/multiboot1_header.h"
#include "vmm/boot/multiboot2_header.h"

namespace ringside::boot {

namespace {

using namespace std::string_view_literals;

struct NotAKernel {
    std::string_view magic;
    const char* what;
    const char* advice;
};

constexpr std::array kNotKernels{
    NotAKernel{"\x1f\x8b"sv, "a gzip archive", "Unpack it first: gunzip"},
    NotAKernel{"\xfd"
               "7zXZ"sv,
               "an xz archive", "Unpack it first: unxz"},
    NotAKernel{"\x28\xb5\x2f\xfd"sv, "a zstd archive", "Unpack it first: unzstd"},
    NotAKernel{"BZh"sv, "a bzip2 archive", "Unpack it first: bunzip2"},
    NotAKernel{"#!"sv, "a script", "Give the kernel that it makes"},
    NotAKernel{"!<arch>\n"sv, "an archive of object files", "Link it first"},
    NotAKernel{"070701"sv, "a cpio archive", "Give it with --initrd, beside a kernel"},
};

bool starts_with(std::span<const std::byte> bytes, std::string_view magic) {
    return bytes.size() >= magic.size() &&
           std::equal(magic.begin(), magic.end(), bytes.begin(),
                      [](char a, std::byte b) { return static_cast<std::byte>(a) == b; });
}

Result<Protocol> detect_elf(std::span<std::byte> kernel) {
    const auto image = TRY(parse_elf(kernel));
    const bool has_note = image.pvh_entry.has_value();
    if (has_note && image.is_64)
        return Protocol::Pvh;
    if (has_multiboot2_header(kernel))
        return Protocol::Multiboot2;
    if (find_multiboot1_header(kernel))
        return Protocol::Multiboot1;
    if (has_note)
        return Protocol::Pvh;
    if (image.is_64 && linux_boot::is_linux(kernel))
        return Protocol::LinuxElf;
    return image.is_64 ? Protocol::Elf64 : Protocol::Elf32;
}

}  // namespace

Result<Protocol> detect(std::span<std::byte> kernel) {
    if (kernel.empty())
        return reject("the file is empty", "Build it again");
    if (is_elf(kernel))
        return detect_elf(kernel);
    if (linux_boot::is_bzimage(kernel))
        return Protocol::LinuxBzImage;
    if (has_multiboot2_header(kernel))
        return Protocol::Multiboot2;
    if (find_multiboot1_header(kernel))
        return Protocol::Multiboot1;
    if (is_firmware(kernel))
        return Protocol::Firmware;
    for (const NotAKernel& other : kNotKernels) {
        if (starts_with(kernel, other.magic))
            return reject(fmt::format("it is {}, not a kernel", other.what), other.advice);
    }
    return Protocol::Flat;
}

}  // namespace ringside::boot
