// A firmware image, such as SeaBIOS: mapped so that it ends at 4 GiB, its last 256 KiB copied below 1 MiB as
// a PC's chipset can shadow them (there is no graphics card whose ROM would occupy that range), and entered
// as a processor leaves reset (SDM volume 3, 9.1.4): in real mode at the reset vector, 16 bytes below 4 GiB.
#include <fmt/format.h>

#include <algorithm>

#include "arch/x86_64/opcodes.h"
#include "arch/x86_64/reset_state.h"
#include "vmm/base/bytes.h"
#include "vmm/boot/cpu_modes.h"
#include "vmm/boot/firmware.h"
#include "vmm/boot/linux/real_mode.h"
#include "vmm/boot/loaders.h"
#include "vmm/boot/placement.h"
#include "vmm/machine/layout.h"

namespace ringside::boot {

namespace {

constexpr std::uint64_t kResetVector = 16;  // bytes before the end
constexpr std::uint64_t kUnit = 64 * layout::kKiB;
constexpr std::uint64_t kMost = layout::kHoleEnd - layout::kFirmwareMaximum;
constexpr std::uint64_t kShadow = 256 * layout::kKiB;

// An error without a file name refers to the kernel, so name the firmware's file here.
tl::unexpected<Error> not_firmware(const LoadContext& context) {
    auto error = reject(
        fmt::format("it is no firmware image: that has a multiple of 64 KiB up to {} MiB, and ends with a "
                    "reset vector",
                    kMost / layout::kMiB),
        "Boot it by another protocol");
    if (context.request.firmware) {
        error.value().operation = fmt::format("load {}", context.request.firmware->string());
        error.value().advice = "Give a BIOS, as /usr/share/seabios/bios-256k.bin (package seabios)";
    }
    return error;
}

}  // namespace

bool is_firmware(std::span<const std::byte> file) {
    if (file.empty() || file.size() % kUnit != 0 || file.size() > kMost)
        return false;
    // The reset vector has room only for a jump.
    const std::byte first = file[file.size() - kResetVector];
    return first == x86::kJumpRelative || first == x86::kJumpFar || first == x86::kJumpShort;
}

Result<BootState> load_firmware(const LoadContext& context) {
    const bool starts_a_kernel = !context.firmware.empty();
    const std::span<const std::byte> image = starts_a_kernel ? context.firmware : context.kernel;
    if (!is_firmware(image))
        return not_firmware(context);
    const std::uint64_t shadow = std::min<std::uint64_t>(image.size(), kShadow);
    const auto low =
        TRY(claim(context.memory, "the firmware's copy", Gpa{layout::kHighMemory.value - shadow}, shadow));
    std::ranges::copy(image.last(shadow), low.begin());

    BootState state;
    state.protocol = Protocol::Firmware;
    state.rom = Rom{Gpa{layout::kHoleEnd.value - image.size()}, {image.begin(), image.end()}};
    state.system = real_mode(x86::reset::kCsSelector);
    state.system.cs.base = x86::reset::kCsBase;
    state.general.rip = x86::reset::kRip;
    state.entry = Gpa{x86::reset::kCsBase + x86::reset::kRip};
    state.summary =
        fmt::format("firmware, {} KiB at {:#x}", image.size() / layout::kKiB, state.rom->start.value);
    describe_to_firmware(context.request, context.memory, state.fw_cfg);
    if (starts_a_kernel) {
        const auto offered = TRY(linux_boot::offer_to_firmware(context, state.fw_cfg));
        state.summary += ", " + offered;
    }
    return state;
}

}  // namespace ringside::boot
