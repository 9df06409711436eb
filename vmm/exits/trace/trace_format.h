// The layout of a trace file.
//
// A ring of segments of equal size follows the file header. Each segment holds consecutive blocks: an Info
// block, then blocks of exits, and another Info block whenever there is new information. The blocks of a
// segment carry its sequence number, which grows from segment to segment, so that remains of an earlier lap
// are recognised. Each block carries a checksum, so that the file of a writer that was killed can be read up
// to its last complete block. Numbers are little-endian.
#pragma once

#include <array>
#include <cstdint>

namespace ringside::exits {

inline constexpr std::array<char, 8> kTraceMagic = {'R', 'I', 'N', 'G', 'T', 'R', 'C', '2'};
inline constexpr std::uint32_t kBlockMagic = 0x4b4c4252;  // "RBLK"

struct TraceFileHeader {
    std::array<char, 8> magic = kTraceMagic;
    std::uint32_t segment_bytes = 0;
    std::uint32_t segments = 0;  // at most
};
static_assert(sizeof(TraceFileHeader) == 16);

enum class BlockType : std::uint32_t {
    Info = 1,           // JSON: RecordingInfo, and the clock's sample at the recording's start
    Exits = 2,          // ExitsBlock and its PackedExits
    End = 3,            // empty: the writer closed the file properly
    HardwareExits = 4,  // ExitsBlock and its PackedHardwareExits
};

struct BlockHeader {
    std::uint32_t magic = kBlockMagic;
    std::uint32_t type = 0;
    std::uint64_t sequence = 0;
    std::uint32_t payload_bytes = 0;
    std::uint32_t checksum = 0;  // CRC-32 of type, sequence, payload_bytes and payload
};
static_assert(sizeof(BlockHeader) == 24);

// The losses so far among a vCPU's exits of one tier.
struct TraceLosses {
    std::uint64_t dropped = 0;   // the ring was full
    std::uint64_t lost = 0;      // hardware exits: events that the kernel had no room for
    std::uint64_t unpaired = 0;  // hardware exits: those without a following entry
    friend bool operator==(const TraceLosses&, const TraceLosses&) = default;
};

struct ExitsBlock {
    std::uint32_t vcpu = 0;
    std::uint32_t count = 0;
    std::uint64_t first = 0;  // this vCPU's exits of this tier before these
    TraceLosses losses;
    std::uint64_t clock_ticks = 0;  // a later sample of the clock than Info's: together they give its rate
    std::uint64_t clock_nanoseconds = 0;
};
static_assert(sizeof(ExitsBlock) == 56);

}  // namespace ringside::exits
