// The file under a trace: a ring of segments that blocks are appended to. No threads here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "vmm/base/error.h"
#include "vmm/base/fd.h"
#include "vmm/exits/record/packed_exit.h"
#include "vmm/exits/record/recording.h"
#include "vmm/exits/trace/trace_format.h"

namespace ringside::exits {

// 64 MiB hold 1.1 million exits.
struct TraceBounds {
    std::uint32_t segment_bytes = 1 << 20;  // at least 4 KiB
    std::uint32_t segments = 64;            // at least 2: one is being overwritten
};

class TraceSegments {
  public:
    static Result<TraceSegments> create(const std::filesystem::path& path, const RecordingInfo& info,
                                        const ClockSample& start, TraceBounds bounds);

    // Appends one vCPU's exits, in as many blocks as they need. `first` of them came before.
    Result<void> append_exits(std::uint32_t vcpu, std::uint64_t first, const TraceLosses& losses,
                              std::span<const PackedExit> exits);
    Result<void> append_hardware_exits(std::uint32_t vcpu, std::uint64_t first, const TraceLosses& losses,
                                       std::span<const PackedHardwareExit> exits);
    // What the file says about the run from here on. The clock's start stays as it was.
    Result<void> append_info(const RecordingInfo& info);
    // Marks the file as whole.
    Result<void> append_end();

  private:
    TraceSegments(Fd file, std::filesystem::path path, const ClockSample& start, TraceBounds bounds)
        : file_(std::move(file)), path_(std::move(path)), start_(start), bounds_(bounds) {}
    template <typename Packed>
    Result<void> append(BlockType type, ExitsBlock block, std::span<const Packed> exits);
    Result<void> set_info(const RecordingInfo& info);
    std::uint64_t segment_start() const;
    Result<void> start_segment();
    Result<void> append_block(BlockType type, std::span<const std::byte> payload);
    Result<void> write_at(std::uint64_t offset, std::span<const std::byte> bytes) const;

    Fd file_;
    std::filesystem::path path_;
    ClockSample start_;
    std::string info_;  // the Info block's payload
    TraceBounds bounds_;
    std::uint64_t sequence_ = 0;  // of the current segment; 0 before the first
    std::uint32_t used_ = 0;      // bytes in the current segment
};

// CRC-32 as in zlib and Ethernet, over a block's header (from `type`, the checksum left out) and payload.
std::uint32_t block_checksum(const BlockHeader& header, std::span<const std::byte> payload);

}  // namespace ringside::exits
