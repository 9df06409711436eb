// The file under a trace: a ring of segments that blocks are appended to. No threads here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "vmm/exits/packed_exit.h"
#include "vmm/exits/recording.h"
#include "vmm/exits/trace_format.h"
#include "vmm/kvm/fd.h"
#include "vmm/types.h"

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

    // Appends one vCPU's exits, in as many blocks as they need.
    Result<void> append_exits(std::uint32_t vcpu, std::uint64_t first, std::uint64_t dropped,
                              std::span<const PackedExit> exits);
    // Marks the file as whole.
    Result<void> append_end();

  private:
    TraceSegments(kvm::Fd file, std::filesystem::path path, std::string info, TraceBounds bounds)
        : file_(std::move(file)), path_(std::move(path)), info_(std::move(info)), bounds_(bounds) {}
    std::uint64_t segment_start() const;
    Result<void> start_segment();
    Result<void> append_block(BlockType type, std::span<const std::byte> payload);
    Result<void> write_at(std::uint64_t offset, std::span<const std::byte> bytes) const;

    kvm::Fd file_;
    std::filesystem::path path_;
    std::string info_;  // the Info block's payload
    TraceBounds bounds_;
    std::uint64_t sequence_ = 0;  // of the current segment; 0 before the first
    std::uint32_t used_ = 0;      // bytes in the current segment
};

// CRC-32 as in zlib and Ethernet, over a block's header (from `type`, the checksum left out) and payload.
std::uint32_t block_checksum(const BlockHeader& header, std::span<const std::byte> payload);

}  // namespace ringside::exits
