// The XSAVE area's standard format and the legacy FXSAVE area (SDM volume 1, 13.4 and 10.5.1), to and from
// ExtendedState.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "arch/x86_64/cpu_state.h"

namespace ringside::x86 {

inline constexpr std::size_t kFxsaveSize = 512;
inline constexpr std::size_t kXsaveHeaderSize = 64;

// State components: bits of XCR0 and of XSTATE_BV (SDM volume 1, 13.1).
enum class XsaveComponent : std::uint8_t {
    X87 = 0,
    Sse = 1,
    Avx = 2,
    Opmask = 5,
    ZmmHi256 = 6,
    Hi16Zmm = 7,
    Pkru = 9,
};

// The offsets of the components: CPUID leaf 0xD, sub-leaf n, EBX, for the components that the guest's CPUID
// has. 0 means that there is no such component.
struct XsaveLayout {
    std::uint32_t avx = 0;
    std::uint32_t opmask = 0;
    std::uint32_t zmm_hi256 = 0;
    std::uint32_t hi16_zmm = 0;
    std::uint32_t pkru = 0;
};

// The offsets on Intel's processors (AMD's differ from opmask on).
inline constexpr XsaveLayout kIntelXsaveLayout{576, 1088, 1152, 1664, 2688};

// Reads an area. A component whose XSTATE_BV bit is clear is in its initial state, whatever its bytes are. A
// component that is beyond the area's end, or that the layout lacks, keeps ExtendedState's initial value.
// Returns false if the area is too short for the legacy part and the header, or in the compacted format.
bool read_xsave(std::span<const std::byte> area, const XsaveLayout& layout, ExtendedState& state);

// Writes the components in place, sets their XSTATE_BV bits and leaves every other byte as it is, so that
// state that ExtendedState does not contain survives a read-modify-write. Leaves out components beyond the
// area's end. Returns false as read_xsave() does.
bool write_xsave(const ExtendedState& state, const XsaveLayout& layout, std::span<std::byte> area);

// Only the 512 bytes of FXSAVE64: x87, MXCSR and XMM0-15. Return false for a shorter area. write_fxsave()
// keeps MXCSR_MASK and the reserved bytes.
bool read_fxsave(std::span<const std::byte> area, ExtendedState& state);
bool write_fxsave(const ExtendedState& state, std::span<std::byte> area);

// The x87 tag word in its two forms (SDM volume 1, 8.1.7 and 10.5.1.1): full, two bits for each physical
// register (00 valid, 01 zero, 10 special, 11 empty), and abridged, with one bit (0 empty). Expanding needs
// the values: `st` is in stack order, and TOP in the status word gives the physical register of st[0].
std::uint8_t abridge_tags(std::uint16_t full);
std::uint16_t expand_tags(std::uint8_t abridged, std::uint16_t status_word,
                          std::span<const std::array<std::uint8_t, 10>, 8> st);

}  // namespace ringside::x86
