#include "vmm/exits/exporters.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <ostream>

namespace ringside::exits {
namespace {

// A JSON string literal; bytes that are no UTF-8 become U+FFFD.
std::string json_string(const std::string& text) {
    return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

// Nanoseconds since the recording's origin; what lies before it counts as 0.
double time_of(const Recording& recording, std::uint64_t ticks) {
    const std::uint64_t origin = recording.info.origin;
    return ticks > origin ? recording.rate.nanoseconds(ticks - origin) : 0.0;
}

double duration(const Recording& recording, std::uint64_t from, std::uint64_t to) {
    return to > from ? recording.rate.nanoseconds(to - from) : 0.0;
}

std::string symbol_of(const Names& names, std::uint64_t rip) {
    return rip != 0 && names.symbol ? names.symbol(rip) : std::string();
}

// The format counts in microseconds.
void write_slice(std::ostream& out, std::uint32_t vcpu, const std::string& name, const char* category,
                 double start, double length, const std::string& arguments) {
    out << fmt::format(
        ",\n{{\"ph\":\"X\",\"pid\":1,\"tid\":{},\"name\":{},\"cat\":\"{}\",\"ts\":{:.3f},\"dur\":{:.3f}{}}}",
        vcpu, name, category, start / 1000, length / 1000, arguments);
}

std::string slice_arguments(const ExitRecord& exit, const Source& source, const Names& names) {
    std::string text = describe_access(exit, source.reasons.address_kind(exit.reason));
    std::string arguments;
    const auto add = [&arguments](const char* key, const std::string& value) {
        if (!value.empty())
            arguments += fmt::format("{}\"{}\":{}", arguments.empty() ? "" : ",", key, json_string(value));
    };
    add("detail", text);
    add("rip", exit.rip == 0 ? "" : fmt::format("0x{:x}", exit.rip));
    add("symbol", symbol_of(names, exit.rip));
    return arguments.empty() ? "" : ",\"args\":{" + arguments + "}";
}

}  // namespace

void write_chrome_trace(std::ostream& out, const Recording& recording, const Source& source,
                        const Names& names) {
    std::string losses;
    for (const std::string& line : describe_losses(recording))
        losses += line + "; ";
    out << fmt::format(
        "{{\"displayTimeUnit\":\"ns\",\"otherData\":{{\"kernel\":{},\"started\":{},\"tier\":{},\"losses\":{}}"
        "},\n",
        json_string(recording.info.kernel), json_string(recording.info.started), json_string(source.tier),
        json_string(losses));
    out << "\"traceEvents\":[\n{\"ph\":\"M\",\"pid\":1,\"name\":\"process_name\",\"args\":{\"name\":"
        << json_string("ringside " + recording.info.kernel) << "}}";
    const std::string before = json_string(source.run_label);
    for (const VcpuRecording& vcpu : recording.vcpus) {
        out << fmt::format(
            ",\n{{\"ph\":\"M\",\"pid\":1,\"tid\":{0},\"name\":\"thread_name\",\"args\":{{\"name\":\"vCPU "
            "{0}\"}}}}",
            vcpu.vcpu);
        for (const ExitRecord& exit : vcpu.statistics.recent) {
            write_slice(out, vcpu.vcpu, before, "guest", time_of(recording, exit.entered),
                        duration(recording, exit.entered, exit.exited), "");
            write_slice(out, vcpu.vcpu, json_string(source.reasons.name(exit.reason)), "exit",
                        time_of(recording, exit.exited), duration(recording, exit.exited, exit.handled),
                        slice_arguments(exit, source, names));
        }
    }
    out << "\n]}\n";
}

void write_csv(std::ostream& out, const Recording& recording, const Source& source, const Names& names) {
    out << "vcpu,entered_ns,exited_ns,handled_ns,reason,access,size,count,address,value,rip,symbol\r\n";
    for (const VcpuRecording& vcpu : recording.vcpus) {
        for (const ExitRecord& exit : vcpu.statistics.recent) {
            const bool has_address = source.reasons.address_kind(exit.reason) != AddressKind::None;
            out << fmt::format("{},{:.0f},{:.0f},{:.0f},{},{},{},{},{},{},{},{}\r\n", vcpu.vcpu,
                               time_of(recording, exit.entered), time_of(recording, exit.exited),
                               time_of(recording, exit.handled), csv_field(source.reasons.name(exit.reason)),
                               direction_name(exit.direction), has_address ? fmt::to_string(exit.size) : "",
                               exit.count, has_address ? fmt::format("0x{:x}", exit.address) : "",
                               has_address ? fmt::format("0x{:x}", exit.value) : "",
                               exit.rip != 0 ? fmt::format("0x{:x}", exit.rip) : "",
                               csv_field(symbol_of(names, exit.rip)));
        }
    }
}

}  // namespace ringside::exits
