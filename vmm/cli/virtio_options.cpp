#include "vmm/cli/virtio_options.h"

#include <fmt/format.h>

#include <cstdio>

#include "vmm/cli/declared_options.h"
#include "vmm/cli/validator.h"
#include "vmm/devices/console.h"
#include "vmm/devices/virtio/block.h"
#include "vmm/devices/virtio/net.h"
#include "vmm/devices/virtio/rng.h"
#include "vmm/devices/virtio/virtio_console.h"
#include "vmm/devices/virtio/vsock.h"
#include "vmm/machine/layout.h"

namespace ringside::cli {

namespace virtio = devices::virtio;

namespace {

template <typename T>
using Devices = std::vector<std::unique_ptr<T>>;

// Locally administered; the last byte tells a machine's networks apart.
virtio::MacAddress default_mac(std::size_t index) {
    return {0x52, 0x54, 0x00, 0x52, 0x53, static_cast<std::uint8_t>(index)};
}

Result<std::unique_ptr<virtio::NetBackend>> open_backend(const virtio::NetSpec& spec) {
    if (const auto* tap = std::get_if<virtio::NetSpec::Tap>(&spec.backend))
        return virtio::open_tap(tap->interface);
    return virtio::open_passt(std::get<virtio::NetSpec::Passt>(spec.backend).socket);
}

Result<void> open_disks(const VirtioOptions& options, Devices<virtio::Device>& devices) {
    for (const auto& spec : options.disks) {
        auto image = TRY(virtio::DiskImage::open(spec));
        devices.push_back(std::make_unique<virtio::Block>(std::move(image)));
    }
    return {};
}

Result<void> open_networks(const VirtioOptions& options, const VirtioHooks& hooks,
                           Devices<virtio::Device>& devices) {
    for (std::size_t i = 0; i < options.networks.size(); ++i) {
        const auto& spec = options.networks[i];
        auto backend = TRY(open_backend(spec));
        devices.push_back(std::make_unique<virtio::Net>(std::move(backend), spec.mac.value_or(default_mac(i)),
                                                        hooks.report));
    }
    return {};
}

Result<void> open_console(const VirtioOptions& options, const VirtioHooks& hooks,
                          Devices<virtio::Device>& devices) {
    if (!options.console)
        return {};
    auto descriptors = TRY(devices::open_console(*options.console));
    if (!descriptors.announcement.empty())
        fmt::print(stderr, "virtio console: {}\n", descriptors.announcement);
    devices.push_back(std::make_unique<virtio::VirtioConsole>(
        std::make_unique<devices::Console>(std::move(descriptors)), hooks.on_escape));
    return {};
}

}  // namespace

void add_virtio_options(DeclaredOptions& app, VirtioTexts& texts) {
    app.add("--disk", texts.disks, Refers::Disk,
            "disk image or block device; ro: read-only, overlay: the image stays as it is (repeatable)")
        ->type_name("FILE[,OPTION]")
        ->expected(1)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
        ->check(valid(virtio::parse_disk));
    app.add("--net", texts.networks, Refers::HostResource,
            "network card, optionally followed by ,mac=ADDRESS (repeatable)")
        ->type_name("tap:NAME|passt[:SOCKET]")
        ->expected(1)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
        ->check(valid(virtio::parse_net));
    app.add("--virtio-console", texts.console, Refers::Console, "a second console, hvc0 in Linux")
        ->type_name("stdio|stderr|file:PATH|unix:PATH|pty")
        ->check(valid(devices::parse_console_endpoint));
    app.add("--vsock", texts.vsock, Refers::HostResource,
            "sockets between host and guest: the guest's CID and a unix socket")
        ->type_name("CID,PATH")
        ->check(valid(virtio::parse_vsock));
    app.add_flag("--rng", texts.rng, "give the guest the host's random numbers");
}

VirtioOptions finish(const VirtioTexts& texts) {
    VirtioOptions options;
    for (const std::string& disk : texts.disks)
        options.disks.push_back(*virtio::parse_disk(disk));
    for (const std::string& network : texts.networks)
        options.networks.push_back(*virtio::parse_net(network));
    if (!texts.console.empty())
        options.console = *devices::parse_console_endpoint(texts.console);
    if (!texts.vsock.empty())
        options.vsock = *virtio::parse_vsock(texts.vsock);
    options.rng = texts.rng;
    if (options.count() > layout::kVirtioMmioSlots)
        throw CLI::ValidationError("--disk", fmt::format("there is room for {} virtio devices, not for {}",
                                                         layout::kVirtioMmioSlots, options.count()));
    return options;
}

Result<Devices<virtio::Device>> open_virtio_devices(const VirtioOptions& options, const VirtioHooks& hooks) {
    Devices<virtio::Device> devices;
    TRY(open_disks(options, devices));
    TRY(open_networks(options, hooks, devices));
    TRY(open_console(options, hooks, devices));
    if (options.vsock) {
        auto vsock = TRY(virtio::Vsock::open(*options.vsock));
        devices.push_back(std::move(vsock));
    }
    if (options.rng)
        devices.push_back(std::make_unique<virtio::Rng>());
    return devices;
}

}  // namespace ringside::cli
