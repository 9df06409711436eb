#include "vmm/debug/monitor/device_commands.h"

#include <fmt/format.h>

#include <algorithm>

#include "vmm/debug/monitor/arguments.h"
#include "vmm/machine/in_kernel_devices.h"

namespace ringside::debug {

namespace {

// A range of ports or of guest-physical addresses, and what answers there.
struct Range {
    std::uint64_t start = 0, size = 0;
    std::string name;
    std::string_view kind;
};

void add_bus(std::vector<Range>& ranges, const machine::Bus& bus) {
    for (const machine::Bus::Range& range : bus.ranges())
        ranges.push_back({range.start, range.size, std::string(range.device->name()), "device"});
}

void add_in_kernel(std::vector<Range>& ranges, std::span<const machine::InKernelDevice> devices) {
    for (const machine::InKernelDevice& device : devices)
        ranges.push_back({device.start, device.size, std::string(device.name), "in KVM"});
}

std::vector<Range> ports(machine::Machine& machine) {
    std::vector<Range> ranges;
    add_bus(ranges, machine.buses().pio);
    add_in_kernel(ranges, machine::kInKernelPorts);
    std::ranges::sort(ranges, {}, &Range::start);
    return ranges;
}

std::vector<Range> physical_addresses(machine::Machine& machine) {
    std::vector<Range> ranges;
    for (const machine::MemoryRegion& region : machine.memory().regions())
        ranges.push_back({region.start().value, region.size(), region.read_only() ? "ROM" : "RAM",
                          region.read_only() ? "ROM" : "RAM"});
    add_bus(ranges, machine.buses().mmio);
    add_in_kernel(ranges, machine::kInKernelMemory);
    std::ranges::sort(ranges, {}, &Range::start);
    return ranges;
}

// The one range that holds `only`, or all of them.
Result<std::vector<Range>> chosen(std::vector<Range> ranges, const Arguments& arguments, const char* what,
                                  std::uint64_t highest) {
    if (arguments.words.empty())
        return ranges;
    const auto address = parse_number(arguments.words.front());
    if (!address || *address > highest)
        return failure(
            what, fmt::format("\"{}\" is not a number from 0 to 0x{:x}", arguments.words.front(), highest));
    std::erase_if(ranges, [&](const Range& range) {
        return *address < range.start || *address - range.start >= range.size;
    });
    if (ranges.empty())
        return failure(
            what, fmt::format("there is nothing at 0x{:x}: reads return ones, writes are ignored", *address));
    return ranges;
}

Answer answer_of(const char* name, const std::vector<Range>& ranges) {
    std::vector<std::vector<Cell>> rows;
    for (const Range& range : ranges)
        rows.push_back({hex(range.start), hex(range.start + range.size - 1), hex(range.size),
                        words(range.kind), words(range.name)});
    return Answer().table(name, {"first", "last", "size", "kind", "name"}, std::move(rows));
}

}  // namespace

void add_device_commands(MonitorRegistry& registry, Debugger& debugger) {
    add_answering(registry, debugger,
                  {"devices", "[PORT]", "the devices on the ports, or the one at a port", 1,
                   [&](const Arguments& arguments) {
                       return chosen(ports(debugger.machine()), arguments, "devices", 0xffff)
                           .map([](const auto& ranges) { return answer_of("ports", ranges); });
                   }});
    add_answering(
        registry, debugger,
        {"mtree", "[GPA]", "the guest-physical address space: RAM, ROM and devices, or what is at an address",
         1, [&](const Arguments& arguments) {
             return chosen(physical_addresses(debugger.machine()), arguments, "mtree", ~std::uint64_t{0})
                 .map([](const auto& ranges) { return answer_of("memory", ranges); });
         }});
}

}  // namespace ringside::debug
