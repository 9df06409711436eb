// The virtio devices of a run: as text on the command line, as values, and opened.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "vmm/base/error.h"
#include "vmm/devices/console_endpoint.h"
#include "vmm/devices/virtio/device.h"
#include "vmm/devices/virtio/specs.h"

namespace ringside::cli {

class DeclaredOptions;

struct VirtioOptions {
    std::vector<devices::virtio::DiskSpec> disks;
    std::vector<devices::virtio::NetSpec> networks;
    std::optional<devices::ConsoleEndpoint> console;
    std::optional<devices::virtio::VsockSpec> vsock;
    bool rng = false;

    std::size_t count() const {
        return disks.size() + networks.size() + (console ? 1 : 0) + (vsock ? 1 : 0) + (rng ? 1 : 0);
    }
    bool console_on_stdio() const {
        return console && console->kind == devices::ConsoleEndpoint::Kind::Stdio;
    }
};

// CLI11 fills this in before it becomes values.
struct VirtioTexts {
    std::vector<std::string> disks;
    std::vector<std::string> networks;
    std::string console;
    std::string vsock;
    bool rng = false;
};
void add_virtio_options(DeclaredOptions& app, VirtioTexts& texts);
// Throws CLI::ValidationError if there are more devices than the machine has room for.
VirtioOptions finish(const VirtioTexts& texts);

// Opens the devices' backends, in the order of the machine's slots: disks, networks, console, vsock, rng.
struct VirtioHooks {
    std::function<void()> on_escape;                 // of the console's terminal; on its own thread
    std::function<void(const std::string&)> report;  // one line for the user; from any thread
};
Result<std::vector<std::unique_ptr<devices::virtio::Device>>> open_virtio_devices(
    const VirtioOptions& options, const VirtioHooks& hooks);

}  // namespace ringside::cli
