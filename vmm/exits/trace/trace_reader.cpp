#include "vmm/exits/trace/trace_reader.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>

#include "vmm/base/bytes.h"
#include "vmm/exits/record/recorder.h"
#include "vmm/exits/trace/trace_segments.h"

namespace ringside::exits {
namespace {

// Bounds on the values of a header, so that a damaged one cannot request all memory.
constexpr std::uint32_t kMaximumSegmentBytes = 256U << 20;
constexpr std::uint32_t kMaximumVcpus = 4096;

std::string operation(const std::filesystem::path& path) {
    return "read trace " + path.string();
}

// One vCPU's exits of one tier.
struct Lane {
    std::vector<ExitRecord> exits;
    std::vector<x86::HardwareExit> hardware;
    std::uint64_t first = 0;  // number of the first exit read
    std::uint64_t next = 0;   // number of the exit after the last one read
    std::uint64_t gaps = 0;   // exits missing between blocks
    TraceLosses losses;

    void take(const PackedExit& words) { exits.push_back(unpack(words)); }
    void take(const PackedHardwareExit& words) {
        HardwareRecord hardware_exit = unpack(words);
        exits.push_back(hardware_exit.record);
        hardware.push_back(hardware_exit.exit);
    }
};
using Lanes = std::map<std::uint32_t, Lane>;

// What is collected while blocks are read.
struct Collector {
    RecordingInfo info;
    ClockSample start;
    ClockSample latest;
    Lanes userspace;
    Lanes hardware;
    bool ended = false;
    bool any_info = false;
};

template <typename T>
T value_of(const nlohmann::json& json, const char* key) {
    const auto found = json.find(key);
    if (found == json.end())
        return {};
    if constexpr (std::is_same_v<T, std::string>)
        return found->is_string() ? found->get<std::string>() : std::string();
    else
        return found->is_number_integer() ? found->get<T>() : T{};
}

// [[10, "CPUID"], ...] under "names"; whatever is not of this form is left out.
std::optional<HardwareDescription> hardware_of(const nlohmann::json& json) {
    const auto found = json.find("hardware");
    if (found == json.end() || !found->is_object())
        return std::nullopt;
    HardwareDescription hardware;
    const auto isa = value_of<unsigned>(*found, "isa");
    if (isa == static_cast<unsigned>(x86::VirtualizationKind::Svm))
        hardware.kind = x86::VirtualizationKind::Svm;
    else if (isa != static_cast<unsigned>(x86::VirtualizationKind::Vmx))
        return std::nullopt;
    const auto names = found->find("names");
    if (names == found->end() || !names->is_array())
        return hardware;
    for (const auto& pair : *names)
        if (pair.is_array() && pair.size() == 2 && pair[0].is_number_unsigned() && pair[1].is_string())
            hardware.names.emplace(pair[0].get<std::uint32_t>(), pair[1].get<std::string>());
    return hardware;
}

void take_info(Collector& collector, std::span<const std::byte> payload) {
    const auto* text = reinterpret_cast<const char*>(payload.data());
    const nlohmann::json json = nlohmann::json::parse(text, text + payload.size(), nullptr, false);
    if (!json.is_object())
        return;
    const auto origin = value_of<std::uint64_t>(json, "origin");
    collector.info = {value_of<std::string>(json, "kernel"),
                      value_of<std::string>(json, "started"),
                      origin,
                      value_of<std::int64_t>(json, "slide"),
                      hardware_of(json),
                      value_of<std::string>(json, "missing_hardware")};
    collector.start = {origin, value_of<std::uint64_t>(json, "origin_ns")};
    collector.any_info = true;
}

template <typename Packed>
bool take_exits(Collector& collector, Lanes& lanes, std::span<const std::byte> payload) {
    const auto block = load_at<ExitsBlock>(payload, 0);
    if (!block || block->vcpu >= kMaximumVcpus ||
        payload.size() != sizeof(ExitsBlock) + block->count * sizeof(Packed))
        return false;
    const auto [found, added] = lanes.try_emplace(block->vcpu);
    Lane& lane = found->second;
    if (added)
        lane.first = block->first;
    else
        lane.gaps += block->first - std::min(block->first, lane.next);
    lane.next = block->first + block->count;
    lane.losses = block->losses;
    for (std::uint32_t i = 0; i < block->count; ++i)
        lane.take(*load_at<Packed>(payload, sizeof(ExitsBlock) + i * sizeof(Packed)));
    if (block->clock_ticks > collector.latest.ticks)
        collector.latest = {block->clock_ticks, block->clock_nanoseconds};
    return true;
}

struct Block {
    BlockHeader header;
    std::span<const std::byte> payload;
};

std::optional<Block> block_at(std::span<const std::byte> segment, std::uint64_t offset) {
    const auto header = load_at<BlockHeader>(segment, offset);
    if (!header || header->magic != kBlockMagic)
        return std::nullopt;
    const auto payload = slice(segment, offset + sizeof(BlockHeader), header->payload_bytes);
    if (!payload || block_checksum(*header, *payload) != header->checksum)
        return std::nullopt;
    return Block{*header, *payload};
}

// Takes a segment's blocks up to the first that is incomplete or remains from an earlier lap.
void take_segment(Collector& collector, std::span<const std::byte> segment, std::uint64_t sequence) {
    std::uint64_t offset = 0;
    while (const auto block = block_at(segment, offset)) {
        if (block->header.sequence != sequence)
            return;
        switch (static_cast<BlockType>(block->header.type)) {
            case BlockType::Info:
                take_info(collector, block->payload);
                break;
            case BlockType::Exits:
                if (!take_exits<PackedExit>(collector, collector.userspace, block->payload))
                    return;
                break;
            case BlockType::HardwareExits:
                if (!take_exits<PackedHardwareExit>(collector, collector.hardware, block->payload))
                    return;
                break;
            case BlockType::End:
                collector.ended = true;
                return;
        }
        offset += sizeof(BlockHeader) + block->header.payload_bytes;
    }
}

class TraceFile {
  public:
    static Result<TraceFile> open(const std::filesystem::path& path) {
        Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
        struct stat status {};
        if (!fd || ::fstat(fd.get(), &status) != 0)
            return errno_failure(operation(path), errno);
        if (!S_ISREG(status.st_mode))
            return failure(operation(path), "not a regular file");
        TraceFile file(std::move(fd), static_cast<std::uint64_t>(status.st_size));
        const auto header = load_at<TraceFileHeader>(file.read(0, sizeof(TraceFileHeader)), 0);
        if (!header || header->magic != kTraceMagic)
            return failure(operation(path), "not a trace of Ringside's",
                           "Record one with ringside run --exit-trace FILE");
        if (header->segment_bytes < sizeof(BlockHeader) || header->segment_bytes > kMaximumSegmentBytes)
            return failure(operation(path), "its header is damaged");
        file.segment_bytes_ = header->segment_bytes;
        return file;
    }

    std::uint64_t segments() const {
        const std::uint64_t body = size_ - sizeof(TraceFileHeader);
        return body / segment_bytes_ + (body % segment_bytes_ != 0 ? 1 : 0);
    }
    std::uint64_t offset_of(std::uint64_t segment) const {
        return sizeof(TraceFileHeader) + segment * segment_bytes_;
    }
    std::vector<std::byte> segment(std::uint64_t index) const {
        return read(offset_of(index), segment_bytes_);
    }

    // As many of the bytes as there are.
    std::vector<std::byte> read(std::uint64_t offset, std::uint64_t bytes) const {
        std::vector<std::byte> data(
            static_cast<std::size_t>(std::min(bytes, size_ - std::min(offset, size_))));
        std::size_t done = 0;
        while (done < data.size()) {
            const ssize_t got =
                ::pread(fd_.get(), &data[done], data.size() - done, static_cast<off_t>(offset + done));
            if (got < 0 && errno == EINTR)
                continue;
            if (got <= 0)
                break;
            done += static_cast<std::size_t>(got);
        }
        data.resize(done);
        return data;
    }

  private:
    TraceFile(Fd fd, std::uint64_t size) : fd_(std::move(fd)), size_(size) {}
    Fd fd_;
    std::uint64_t size_ = 0;
    std::uint64_t segment_bytes_ = 0;
};

// The same code computes the tables of a running machine.
VcpuRecording finish_lane(std::uint32_t index, Lane lane) {
    VcpuRecorder recorder;
    for (const ExitRecord& exit : lane.exits)
        recorder.record(exit);
    VcpuRecording recording;
    recording.vcpu = index;
    recording.statistics = recorder.snapshot(0);
    recording.statistics.recent = std::move(lane.exits);
    recording.hardware = std::move(lane.hardware);
    recording.dropped = lane.losses.dropped;
    recording.overwritten = lane.first + lane.gaps;
    recording.lost = lane.losses.lost;
    recording.unpaired = lane.losses.unpaired;
    return recording;
}

Recording finish_lanes(const RecordingInfo& info, TickRate rate, Lanes&& lanes) {
    Recording recording{info, rate, {}, true};
    for (auto& [index, lane] : lanes)
        recording.vcpus.push_back(finish_lane(index, std::move(lane)));
    return recording;
}

RunRecording finish(Collector collector) {
    RunRecording run;
    run.userspace = finish_lanes(collector.info, rate_between(collector.start, collector.latest),
                                 std::move(collector.userspace));
    run.userspace.complete = collector.ended;
    if (collector.info.hardware) {
        // The kernel's events carry nanoseconds: the same moment is their time zero.
        collector.info.origin = collector.start.nanoseconds;
        run.hardware = finish_lanes(collector.info, TickRate{}, std::move(collector.hardware));
    }
    return run;
}

}  // namespace

Result<RunRecording> read_trace(const std::filesystem::path& path) {
    const auto file = TRY(TraceFile::open(path));

    std::map<std::uint64_t, std::uint64_t> by_sequence;
    for (std::uint64_t i = 0; i < file.segments(); ++i) {
        const auto header = load_at<BlockHeader>(file.read(file.offset_of(i), sizeof(BlockHeader)), 0);
        if (header && header->magic == kBlockMagic)
            by_sequence[header->sequence] = i;
    }
    Collector collector;
    for (const auto& [sequence, index] : by_sequence)
        take_segment(collector, file.segment(index), sequence);
    if (!collector.any_info)
        return failure(operation(path), "nothing in it can be read");

    return finish(std::move(collector));
}

}  // namespace ringside::exits
