#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "vmm/debug/monitor/arguments.h"
#include "vmm/debug/monitor/memory_commands.h"
#include "vmm/machine/in_kernel_devices.h"

namespace ringside::debug {

namespace {

struct PortAccess {
    std::uint16_t port = 0;
    std::size_t size = 1;
};

Result<std::size_t> access_size(std::string_view word) {
    constexpr std::pair<std::string_view, std::size_t> kSizes[] = {{"b", 1}, {"w", 2}, {"l", 4}};
    for (const auto& [name, size] : kSizes) {
        if (word == name)
            return size;
    }
    return failure("port", fmt::format("\"{}\" is not a size: use b, w or l", word));
}

Result<PortAccess> port_access(machine::Machine& machine, const Arguments& arguments,
                               std::size_t size_place) {
    const auto port = arguments.words.empty() ? std::nullopt : parse_number(arguments.words[0]);
    if (!port || *port > 0xffff)
        return failure("port", "it needs a port from 0 to 0xffff",
                       "`monitor devices` lists those with a device");
    PortAccess access{static_cast<std::uint16_t>(*port), 1};
    if (arguments.words.size() > size_place) {
        auto size = TRY(access_size(arguments.words[size_place]));
        access.size = size;
    }
    for (const auto& device : machine::kInKernelPorts) {
        if (*port >= device.start && *port - device.start < device.size)
            return failure("port",
                           fmt::format("the {} is in the host's kernel, where only the guest can access it",
                                       device.name),
                           "`monitor pic` and `monitor pit` show it");
    }
    if (machine.buses().pio.find(*port) == nullptr)
        return failure("port", fmt::format("there is no device at port 0x{:x}", *port),
                       "`monitor devices` lists those with one");
    return access;
}

Result<std::string> port_read(Debugger& debugger, const Arguments& arguments) {
    auto access = TRY(port_access(debugger.machine(), arguments, 1));
    std::uint32_t value = 0;
    debugger.machine().buses().pio.read(access.port,
                                        std::as_writable_bytes(std::span(&value, 1)).first(access.size));
    return fmt::format("port 0x{:x} = 0x{:0{}x}\n", access.port, value, 2 * access.size);
}

Result<std::string> port_write(Debugger& debugger, const Arguments& arguments) {
    auto access = TRY(port_access(debugger.machine(), arguments, 2));
    const auto value = arguments.words.size() > 1 ? parse_number(arguments.words[1]) : std::nullopt;
    if (!value || *value >= std::uint64_t{1} << 8 * access.size)
        return failure("port write", fmt::format("the value must have {} bits", 8 * access.size));
    const auto data = static_cast<std::uint32_t>(*value);
    debugger.machine().buses().pio.write(access.port, std::as_bytes(std::span(&data, 1)).first(access.size));
    return fmt::format("port 0x{:x} got 0x{:0{}x}\n", access.port, data, 2 * access.size);
}

}  // namespace

void add_port_commands(MonitorRegistry& registry, Debugger& debugger) {
    add_text(registry, debugger,
             {"port read", "PORT [b|w|l]", "reads a device's port as the guest would, with all side effects",
              2, [&](const Arguments& arguments) { return port_read(debugger, arguments); }});
    add_text(registry, debugger,
             {"port write", "PORT VALUE [b|w|l]", "writes to a device's port as the guest would", 3,
              [&](const Arguments& arguments) { return port_write(debugger, arguments); }});
}

}  // namespace ringside::debug
