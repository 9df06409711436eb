// The setup header of a Linux bzImage (Linux's Documentation/arch/x86/boot.rst, "The Real-Mode Kernel
// Header") and the parts of the file that it describes, read from untrusted bytes.
#pragma once

#include <cstdint>
#include <span>

#include "vmm/base/error.h"
#include "vmm/base/ids.h"

namespace ringside::boot::linux_boot {

// Offsets in the file, which are the same in the zero page.
namespace field {
inline constexpr std::uint64_t kHeader = 0x1f1;
inline constexpr std::uint64_t kBootFlag = 0x1fe;      // 0xaa55
inline constexpr std::uint64_t kJumpOffset = 0x201;    // the header ends at 0x202 plus this byte
inline constexpr std::uint64_t kMagic = 0x202;         // "HdrS"
inline constexpr std::uint64_t kVersion = 0x206;       // 0x020f is 2.15
inline constexpr std::uint64_t kTypeOfLoader = 0x210;  // 0xff: a loader without an assigned number
inline constexpr std::uint64_t kLoadFlags = 0x211;
inline constexpr std::uint64_t kRamdiskImage = 0x218;
inline constexpr std::uint64_t kRamdiskSize = 0x21c;
inline constexpr std::uint64_t kHeapEnd = 0x224;  // from 2.01
inline constexpr std::uint64_t kCommandLine = 0x228;
inline constexpr std::uint64_t kInitrdMaximum = 0x22c;     // from 2.03
inline constexpr std::uint64_t kAlignment = 0x230;         // from 2.05
inline constexpr std::uint64_t kRelocatable = 0x234;       // from 2.05
inline constexpr std::uint64_t kXloadFlags = 0x236;        // from 2.12
inline constexpr std::uint64_t kCommandLineSize = 0x238;   // from 2.06
inline constexpr std::uint64_t kPayloadOffset = 0x248;     // from 2.08
inline constexpr std::uint64_t kPayloadLength = 0x24c;     // from 2.08
inline constexpr std::uint64_t kPreferredAddress = 0x258;  // from 2.10
inline constexpr std::uint64_t kInitSize = 0x260;          // from 2.10
inline constexpr std::uint64_t kHeaderLimit = 0x290;       // where other fields of the zero page follow
}  // namespace field

inline constexpr std::uint64_t kEntry64 = 0x200;  // the 64-bit entry, from the start of `code`
inline constexpr std::uint16_t kBootFlag = 0xaa55;
inline constexpr std::uint32_t kHeaderMagic = 0x53726448;  // "HdrS"
inline constexpr std::uint8_t kUnknownLoader = 0xff;
inline constexpr std::uint8_t kLoadedHigh = 1U << 0;    // loadflags: protected-mode code goes to 1 MiB
inline constexpr std::uint8_t kCanUseHeap = 1U << 7;    // loadflags: kHeapEnd is filled in
inline constexpr std::uint8_t kKaslrEnabled = 1U << 1;  // loadflags: the loader has moved the kernel

struct BzImage {
    std::uint16_t version = 0;
    bool relocatable = false;
    bool has_64_bit_entry = false;        // at kEntry64
    Gpa preferred_address;                // of `code` and of the kernel that it unpacks
    std::uint64_t alignment = 0;          // of any other address
    std::uint64_t init_size = 0;          // bytes that the kernel needs from its address on, including itself
    Gpa initrd_end;                       // the initrd lies entirely below it
    std::uint64_t command_line_size = 0;  // maximum number of characters, without the final NUL
    std::span<const std::byte> header;    // copied to the zero page, from 0x1f1 on
    std::span<const std::byte> setup;     // the real-mode part: boot sector and setup code
    std::span<const std::byte> code;      // the protected-mode part: decompressor and payload
    std::span<const std::byte> payload;   // the packed kernel in it; empty if the header names none
};

// Returns true if the file claims to be a bzImage. The claim may be wrong.
bool is_bzimage(std::span<const std::byte> file);

// Fails with a message if the file is truncated, if its header refers to offsets outside it, or if its
// protocol is older than 2.05 (Linux 2.6.20). The spans point into `file`.
Result<BzImage> parse_bzimage(std::span<const std::byte> file);

}  // namespace ringside::boot::linux_boot
