#include "vmm/cli/kernel_loading.h"

#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <string_view>

#include "vmm/boot/acpi/tables.h"
#include "vmm/cli/boot_report.h"
#include "vmm/cli/exit_status.h"
#include "vmm/devices/acpi_pm.h"
#include "vmm/devices/ports.h"
#include "vmm/devices/reset_port.h"
#include "vmm/devices/virtio/virtio_bus.h"
#include "vmm/exits/report/code_width.h"

namespace ringside::cli {

namespace {

// What ACPI's tables say of our devices.
boot::acpi::Machine firmware_view(const RunOptions& options) {
    using devices::AcpiPm;
    boot::acpi::Machine machine;
    machine.cpus = options.cpus;
    machine.fixed = {.event_block = devices::kAcpiPmPorts.start + AcpiPm::kEventBlock,
                     .control_block = devices::kAcpiPmPorts.start + AcpiPm::kControlBlock,
                     .timer = devices::kAcpiPmPorts.start + AcpiPm::kTimer,
                     .sci = devices::kAcpiSci,
                     .sleep_type_s5 = AcpiPm::kSleepTypeS5,
                     .reset_port = devices::kResetPort.start,
                     .reset_value = devices::ResetPort::kHardReset};
    machine.serial_ports = devices::kSerialPorts.start;
    machine.serial_irq = devices::kSerialIrq;
    machine.rtc_ports = devices::kCmosPorts.start;
    machine.panic_port = devices::kPanicPort.start;
    machine.fw_cfg_ports = devices::kFwCfgPorts.start;
    machine.devices = devices::virtio::descriptions(options.virtio.count());
    return machine;
}

// "FILE" or "FILE words". A file's own name may have blanks. If neither file exists, the error names all of the text.
boot::BootModule boot_module(const std::string& text) {
    std::error_code unknown;
    const std::string first = text.substr(0, text.find(' '));
    const bool words = !std::filesystem::exists(text, unknown) && std::filesystem::exists(first, unknown);
    return {words ? first : text, text};
}

Result<void> add_rom(const boot::Rom& rom, machine::GuestMemory& memory) {
    auto region = TRY(machine::MemoryRegion::allocate(rom.start, rom.bytes.size(), true));
    std::ranges::copy(rom.bytes, region.host());
    return memory.add(std::move(region));
}

boot::BootRequest request_of(const RunOptions& options) {
    boot::BootRequest request;
    request.kernel = options.kernel;
    for (const std::string& initrd : options.initrds)
        request.modules.push_back(boot_module(initrd));
    request.command_line = options.command_line;
    request.cpus = options.cpus;
    if (options.load_address)
        request.load_address = Gpa{*options.load_address};
    if (!options.firmware.empty())
        request.firmware = options.firmware;
    request.acpi = firmware_view(options);
    request.linux_entry = options.linux_entry;
    request.kaslr_slide = options.kaslr_slide;
    request.on_stage = BootReport::begin;
    return request;
}

FileVersions versions_of(const boot::BootRequest& request, const RunOptions& options) {
    std::vector<std::filesystem::path> paths{request.kernel, options.symbols, options.firmware};
    for (const boot::BootModule& module : request.modules)
        paths.push_back(module.file);
    return FileVersions(paths);
}

x86::GdbArchitecture architecture_of(const RunOptions& options, boot::Protocol protocol) {
    if (options.architecture)
        return *options.architecture;
    if (protocol == boot::Protocol::Flat || protocol == boot::Protocol::Firmware)
        return x86::GdbArchitecture::I8086;
    const std::string& symbols = options.symbols.empty() ? options.kernel : options.symbols;
    return exits::code_address_bytes(symbols) == 4 ? x86::GdbArchitecture::I386
                                                   : x86::GdbArchitecture::X86_64;
}

// A program that may write to the memory file may also truncate it, under everyone that maps it.
void say_that_memory_is_gone(int) {
    constexpr std::string_view kMessage =
        "ringside: the file of --memory-file was truncated: the guest's memory is lost\n";
    (void)!::write(STDERR_FILENO, kMessage.data(), kMessage.size());
    ::_exit(kFailure);
}

}  // namespace

Result<LoadedKernel> load_kernel(const RunOptions& options, const std::optional<std::string>& command_line,
                                 const std::optional<std::uint64_t>& kaslr_slide) {
    std::optional<machine::MemoryFile> file;
    if (!options.memory_file.empty()) {
        auto created = TRY(machine::MemoryFile::create(options.memory_file));
        file.emplace(std::move(created));
        std::signal(SIGBUS, say_that_memory_is_gone);
    }
    auto memory = TRY(machine::GuestMemory::create(options.memory, file ? &*file : nullptr));
    boot::BootRequest request = request_of(options);
    if (command_line)
        request.command_line = *command_line;
    if (kaslr_slide)
        request.kaslr_slide = kaslr_slide;
    FileVersions files = versions_of(request, options);
    auto state = TRY(boot::load(request, memory));
    if (state.rom)
        TRY(add_rom(*state.rom, memory));
    const auto architecture = architecture_of(options, state.protocol);
    return LoadedKernel{std::move(memory), std::move(file), std::move(state), architecture, std::move(files)};
}

}  // namespace ringside::cli
