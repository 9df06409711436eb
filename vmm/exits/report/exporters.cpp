#include "vmm/exits/report/exporters.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <ostream>

namespace ringside::exits {
namespace {

// A JSON string literal; bytes that are not UTF-8 become U+FFFD.
std::string json_string(const std::string& text) {
    return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

// Whole nanoseconds since the recording's origin; earlier times count as 0.
std::uint64_t time_of(const Recording& recording, std::uint64_t ticks) {
    const std::uint64_t origin = recording.info.origin;
    return ticks > origin ? static_cast<std::uint64_t>(recording.rate.nanoseconds(ticks - origin)) : 0;
}

std::string symbol_of(const Names& names, std::uint64_t rip) {
    return rip != 0 && names.symbol ? names.symbol(rip) : std::string();
}

// A track of the trace, which the format represents as a thread of one process.
struct Track {
    std::uint32_t tid = 0;
    std::string name;
};

// Tiers of one vCPU are adjacent. Thread ids begin at 1: viewers treat 0 as the idle task.
Track track_of(TierViews tiers, std::size_t tier, std::uint32_t vcpu) {
    std::string name = fmt::format("vCPU {}", vcpu);
    if (tiers.size() > 1)
        name += ": " + tiers[tier].source.tier;
    return {static_cast<std::uint32_t>(vcpu * tiers.size() + tier + 1), std::move(name)};
}

void write_track(std::ostream& out, const Track& track) {
    out << fmt::format(
        ",\n{{\"ph\":\"M\",\"pid\":1,\"tid\":{0},\"name\":\"thread_name\",\"args\":{{\"name\":{1}}}}},\n"
        "{{\"ph\":\"M\",\"pid\":1,\"tid\":{0},\"name\":\"thread_sort_index\",\"args\":{{\"sort_index\":{0}}}}"
        "}",
        track.tid, json_string(track.name));
}

// The format uses microseconds. Both ends are whole nanoseconds, so that rounding does not make adjacent
// slices overlap: Perfetto drops slices that overlap.
void write_slice(std::ostream& out, std::uint32_t tid, const std::string& name, const char* category,
                 std::uint64_t from, std::uint64_t to, const std::string& arguments) {
    const std::uint64_t length = to > from ? to - from : 0;
    out << fmt::format(
        ",\n{{\"ph\":\"X\",\"pid\":1,\"tid\":{},\"name\":{},\"cat\":\"{}\",\"ts\":{}.{:03},\"dur\":{}.{:03}{}"
        "}}",
        tid, name, category, from / 1000, from % 1000, length / 1000, length % 1000, arguments);
}

std::string slice_arguments(const TierView& tier, const VcpuRecording& vcpu, std::size_t i) {
    const ExitRecord& exit = vcpu.statistics.recent[i];
    std::string arguments;
    const auto add = [&arguments](const char* key, const std::string& value) {
        if (!value.empty())
            arguments += fmt::format("{}\"{}\":{}", arguments.empty() ? "" : ",", key, json_string(value));
    };
    add("detail", describe_exit(tier, vcpu, i));
    add("rip", exit.rip == 0 ? "" : fmt::format("0x{:x}", exit.rip));
    add("symbol", symbol_of(tier.names, exit.rip));
    return arguments.empty() ? "" : ",\"args\":{" + arguments + "}";
}

void write_slices(std::ostream& out, const TierView& tier, const VcpuRecording& vcpu, std::uint32_t tid) {
    const Recording& recording = tier.recording;
    const std::string before = json_string(tier.source.run_label);
    for (std::size_t i = 0; i < vcpu.statistics.recent.size(); ++i) {
        const ExitRecord& exit = vcpu.statistics.recent[i];
        const std::uint64_t exited = time_of(recording, exit.exited);
        write_slice(out, tid, before, "guest", time_of(recording, exit.entered), exited, "");
        write_slice(out, tid, json_string(tier.source.reasons.name(exit.reason)), "exit", exited,
                    time_of(recording, exit.handled), slice_arguments(tier, vcpu, i));
    }
}

void write_line(std::ostream& out, const TierView& tier, const VcpuRecording& vcpu, std::size_t i) {
    const Recording& recording = tier.recording;
    const ExitRecord& exit = vcpu.statistics.recent[i];
    const bool has_address = tier.source.reasons.address_kind(exit.reason) != AddressKind::None;
    out << fmt::format(
        "{},{},{},{},{},{},{},{},{},{},{},{},{},{}\r\n", tier.source.name, vcpu.vcpu,
        time_of(recording, exit.entered), time_of(recording, exit.exited), time_of(recording, exit.handled),
        csv_field(tier.source.reasons.name(exit.reason)), direction_name(exit.direction),
        has_address ? fmt::to_string(exit.size) : "", exit.count,
        has_address && exit.address != kUnknownAddress ? fmt::format("0x{:x}", exit.address) : "",
        has_address ? fmt::format("0x{:x}", exit.value) : "", csv_field(describe_exit(tier, vcpu, i)),
        exit.rip != 0 ? fmt::format("0x{:x}", exit.rip) : "", csv_field(symbol_of(tier.names, exit.rip)));
}

}  // namespace

std::string describe_exit(const TierView& tier, const VcpuRecording& vcpu, std::size_t i) {
    return describe_exit(vcpu.statistics.recent, i, vcpu.hardware, tier.source, tier.names);
}

void write_chrome_trace(std::ostream& out, TierViews tiers, const std::vector<std::string>& notes) {
    std::string losses;
    for (const std::string& note : notes)
        losses += note + "; ";
    std::string names;
    for (const TierView& tier : tiers) {
        names += (names.empty() ? "" : ", ") + tier.source.tier;
        for (const std::string& line : describe_losses(tier.recording))
            losses += tier.source.tier + ": " + line + "; ";
    }
    const RecordingInfo info = tiers.empty() ? RecordingInfo{} : tiers.front().recording.info;
    out << fmt::format(
        "{{\"displayTimeUnit\":\"ns\",\"otherData\":{{\"kernel\":{},\"started\":{},\"tiers\":{},\"losses\":{}"
        "}"
        "},\n",
        json_string(info.kernel), json_string(info.started), json_string(names), json_string(losses));
    out << "\"traceEvents\":[\n{\"ph\":\"M\",\"pid\":1,\"name\":\"process_name\",\"args\":{\"name\":"
        << json_string("ringside " + info.kernel) << "}}";
    for (std::size_t tier = 0; tier < tiers.size(); ++tier) {
        for (const VcpuRecording& vcpu : tiers[tier].recording.vcpus) {
            const Track track = track_of(tiers, tier, vcpu.vcpu);
            write_track(out, track);
            write_slices(out, tiers[tier], vcpu, track.tid);
        }
    }
    out << "\n]}\n";
}

void write_csv(std::ostream& out, TierViews tiers) {
    out << "tier,vcpu,entered_ns,exited_ns,handled_ns,reason,access,size,count,address,value,detail,rip,"
           "symbol\r\n";
    for (const TierView& tier : tiers) {
        for (const VcpuRecording& vcpu : tier.recording.vcpus)
            for (std::size_t i = 0; i < vcpu.statistics.recent.size(); ++i)
                write_line(out, tier, vcpu, i);
    }
}

}  // namespace ringside::exits
