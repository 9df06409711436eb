#include "vmm/exits/trace/trace_segments.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <nlohmann/json.hpp>

#include "vmm/base/bytes.h"

namespace ringside::exits {
namespace {

constexpr std::uint32_t kMinimumSegment = 4096;

std::string info_payload(const RecordingInfo& info, const ClockSample& start) {
    nlohmann::json json{{"kernel", info.kernel}, {"started", info.started},
                        {"origin", start.ticks}, {"origin_ns", start.nanoseconds},
                        {"slide", info.slide},   {"missing_hardware", info.missing_hardware}};
    if (info.hardware) {
        auto names = nlohmann::json::array();
        for (const auto& [reason, name] : info.hardware->names)
            names.push_back({reason, name});
        json["hardware"] = {{"isa", static_cast<unsigned>(info.hardware->kind)}, {"names", names}};
    }
    // A path may hold any bytes; JSON holds UTF-8 alone.
    return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

Error write_error(const std::filesystem::path& path, int code) {
    return Error{"write trace " + path.string(), {}, code, std::nullopt, {}};
}

}  // namespace

std::uint32_t block_checksum(const BlockHeader& header, std::span<const std::byte> payload) {
    std::vector<std::byte> fields;
    append(fields, header.type);
    append(fields, header.sequence);
    append(fields, header.payload_bytes);
    uLong crc = crc32(0, nullptr, 0);
    crc = crc32(crc, reinterpret_cast<const Bytef*>(fields.data()), static_cast<uInt>(fields.size()));
    if (!payload.empty())  // zlib takes a null buffer for "start over"
        crc = crc32(crc, reinterpret_cast<const Bytef*>(payload.data()), static_cast<uInt>(payload.size()));
    return static_cast<std::uint32_t>(crc);
}

Result<TraceSegments> TraceSegments::create(const std::filesystem::path& path, const RecordingInfo& info,
                                            const ClockSample& start, TraceBounds bounds) {
    if (bounds.segments < 2 || bounds.segment_bytes < kMinimumSegment)
        return failure("write trace " + path.string(), "the size bound is too small",
                       fmt::format("Allow two segments of {} bytes at least", kMinimumSegment));
    Fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
    if (!file)
        return tl::unexpected<Error>(write_error(path, errno));
    TraceSegments segments(std::move(file), path, start, bounds);
    TRY(segments.set_info(info));
    TraceFileHeader header;
    header.segment_bytes = bounds.segment_bytes;
    header.segments = bounds.segments;
    TRY(segments.write_at(0, std::as_bytes(std::span(&header, 1))));
    TRY(segments.start_segment());
    return segments;
}

std::uint64_t TraceSegments::segment_start() const {
    return sizeof(TraceFileHeader) +
           (sequence_ - 1) % bounds_.segments * std::uint64_t{bounds_.segment_bytes};
}

// Every segment begins with it, and must have room for exits as well.
Result<void> TraceSegments::set_info(const RecordingInfo& info) {
    std::string payload = info_payload(info, start_);
    if (payload.size() > bounds_.segment_bytes / 2)
        return failure("write trace " + path_.string(), "what is to be said about the run is too long");
    info_ = std::move(payload);
    return {};
}

Result<void> TraceSegments::append_info(const RecordingInfo& info) {
    TRY(set_info(info));
    if (bounds_.segment_bytes - used_ < sizeof(BlockHeader) + info_.size())
        return start_segment();
    return append_block(BlockType::Info, std::as_bytes(std::span(info_)));
}

Result<void> TraceSegments::start_segment() {
    ++sequence_;
    used_ = 0;
    return append_block(BlockType::Info, std::as_bytes(std::span(info_)));
}

Result<void> TraceSegments::append_block(BlockType type, std::span<const std::byte> payload) {
    BlockHeader header;
    header.type = static_cast<std::uint32_t>(type);
    header.sequence = sequence_;
    header.payload_bytes = static_cast<std::uint32_t>(payload.size());
    header.checksum = block_checksum(header, payload);
    std::vector<std::byte> block;
    block.reserve(sizeof header + payload.size());
    ringside::append(block, header);
    block.insert(block.end(), payload.begin(), payload.end());
    TRY(write_at(segment_start() + used_, block));
    used_ += static_cast<std::uint32_t>(block.size());
    return {};
}

template <typename Packed>
Result<void> TraceSegments::append(BlockType type, ExitsBlock block, std::span<const Packed> exits) {
    const ClockSample now = sample_clocks();
    block.clock_ticks = now.ticks;
    block.clock_nanoseconds = now.nanoseconds;
    do {
        const std::uint32_t overhead = sizeof(BlockHeader) + sizeof(ExitsBlock);
        std::uint32_t room = bounds_.segment_bytes - used_;
        if (room < overhead + sizeof(Packed)) {
            TRY(start_segment());
            room = bounds_.segment_bytes - used_;
        }
        const std::size_t count = std::min(exits.size(), (room - overhead) / sizeof(Packed));
        block.count = static_cast<std::uint32_t>(count);
        std::vector<std::byte> payload;
        payload.reserve(sizeof block + count * sizeof(Packed));
        ringside::append(payload, block);
        const auto bytes = std::as_bytes(exits.first(count));
        payload.insert(payload.end(), bytes.begin(), bytes.end());
        TRY(append_block(type, payload));
        exits = exits.subspan(count);
        block.first += count;
    } while (!exits.empty());
    return {};
}

Result<void> TraceSegments::append_exits(std::uint32_t vcpu, std::uint64_t first, const TraceLosses& losses,
                                         std::span<const PackedExit> exits) {
    return append(BlockType::Exits, {vcpu, 0, first, losses, 0, 0}, exits);
}

Result<void> TraceSegments::append_hardware_exits(std::uint32_t vcpu, std::uint64_t first,
                                                  const TraceLosses& losses,
                                                  std::span<const PackedHardwareExit> exits) {
    return append(BlockType::HardwareExits, {vcpu, 0, first, losses, 0, 0}, exits);
}

Result<void> TraceSegments::append_end() {
    if (bounds_.segment_bytes - used_ < sizeof(BlockHeader)) {
        TRY(start_segment());
    }
    return append_block(BlockType::End, {});
}

Result<void> TraceSegments::write_at(std::uint64_t offset, std::span<const std::byte> bytes) const {
    while (!bytes.empty()) {
        const ssize_t written = ::pwrite(file_.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return tl::unexpected<Error>(write_error(path_, errno));
        bytes = bytes.subspan(static_cast<std::size_t>(written));
        offset += static_cast<std::uint64_t>(written);
    }
    return {};
}

}  // namespace ringside::exits
