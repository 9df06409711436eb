#include "vmm/exit_monitor/exit_counters.h"

#include <chrono>
#include <map>
#include <string>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace ringside::debug {

namespace {

using Counts = std::map<std::string, std::uint64_t>;
using Json = nlohmann::ordered_json;

std::string named(const std::string& address, const std::string& name) {
    return name.empty() ? address : address + " " + name;
}

// "0x3f8 write serial"
std::string place(const exits::ExitKey& key, exits::AddressKind kind, const exits::Names& names) {
    if (key.any_address)
        return "others";
    return named(fmt::format("0x{:x} {}", key.address, exits::direction_name(key.direction)),
                 names.device(kind, key.address));
}

Json vcpu_counters(const exits::VcpuStatistics& statistics, const exits::Source& source,
                   const exits::Names& names) {
    Counts reasons, ports, memory, addresses;
    for (const exits::KeyStatistics& row : statistics.keys) {
        reasons[source.reasons.name(row.key.reason)] += row.count;
        const auto kind = source.reasons.address_kind(row.key.reason);
        if (kind == exits::AddressKind::Port)
            ports[place(row.key, kind, names)] += row.count;
        else if (kind == exits::AddressKind::Memory)
            memory[place(row.key, kind, names)] += row.count;
    }
    for (const exits::HotAddress& hot : statistics.hot)
        addresses[named(fmt::format("0x{:x}", hot.rip), names.symbol(hot.rip))] += hot.count;
    return {{"reason", reasons}, {"port", ports}, {"gpa", memory}, {"rip", addresses}};
}

std::string counters(ExitMonitor& monitor) {
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    Json all{{"nanoseconds", std::chrono::duration_cast<std::chrono::nanoseconds>(now).count()},
             {"tiers", Json::array()}};
    for (const auto& tier : monitor.tiers()) {
        const exits::Source source = tier->source();
        Json vcpus = Json::array();
        for (std::uint32_t i = 0; i < tier->vcpu_count(); ++i)
            vcpus.push_back(vcpu_counters(tier->snapshot(VcpuIndex{i}, 0), source,
                                          monitor.names().for_tables(VcpuIndex{i}, *tier)));
        all["tiers"].push_back({{"name", source.name}, {"vcpus", vcpus}});
    }
    return all.dump() + "\n";
}

}  // namespace

void add_counters_command(MonitorRegistry& registry, ExitMonitor& monitor) {
    registry.add({"exits counters", "", "the exits of each vCPU by reason, port, gpa and rip, as JSON",
                  [&monitor](auto, auto) { return counters(monitor); }});
}

}  // namespace ringside::debug
