#include "arch/x86_64/xsave.h"

#include <algorithm>
#include <cstring>

namespace ringside::x86 {

namespace {

// Offsets in the legacy area (SDM volume 1, table 10-2, the REX.W form) and in the header after it.
constexpr std::size_t kFcw = 0, kFsw = 2, kFtw = 4, kFop = 6, kFip = 8, kFdp = 16, kMxcsr = 24;
constexpr std::size_t kSt = 32, kStStride = 16, kXmm = 160;
constexpr std::size_t kXstateBv = 512, kXcompBv = 520;
constexpr std::uint64_t kCompacted = std::uint64_t{1} << 63;

constexpr std::uint64_t bit(XsaveComponent component) {
    return std::uint64_t{1} << static_cast<unsigned>(component);
}

template <typename T>
T get(std::span<const std::byte> area, std::size_t offset) {
    T value;
    std::memcpy(&value, area.data() + offset, sizeof value);
    return value;
}

template <typename T>
void put(std::span<std::byte> area, std::size_t offset, const T& value) {
    std::memcpy(area.data() + offset, &value, sizeof value);
}

// A stretch of the area that holds bytes [from, from + bytes) of `count` vector registers, the first one
// being `first`: how AVX and AVX-512 spread a ZMM register over three components.
struct VectorPart {
    XsaveComponent component;
    std::uint32_t XsaveLayout::*offset;
    std::size_t first, count, from, bytes;
};
constexpr std::array kVectorParts{
    VectorPart{XsaveComponent::Avx, &XsaveLayout::avx, 0, 16, 16, 16},
    VectorPart{XsaveComponent::ZmmHi256, &XsaveLayout::zmm_hi256, 0, 16, 32, 32},
    VectorPart{XsaveComponent::Hi16Zmm, &XsaveLayout::hi16_zmm, 16, 16, 0, 64},
};

bool has_room(std::span<const std::byte> area, std::uint32_t offset, std::size_t bytes) {
    return offset >= kFxsaveSize + kXsaveHeaderSize && offset <= area.size() && area.size() - offset >= bytes;
}

bool is_standard_xsave(std::span<const std::byte> area) {
    return area.size() >= kFxsaveSize + kXsaveHeaderSize &&
           (get<std::uint64_t>(area, kXcompBv) & kCompacted) == 0;
}

void read_x87(std::span<const std::byte> area, ExtendedState& state) {
    state.fcw = get<std::uint16_t>(area, kFcw);
    state.fsw = get<std::uint16_t>(area, kFsw);
    state.fop = get<std::uint16_t>(area, kFop);
    state.fip = get<std::uint64_t>(area, kFip);
    state.fdp = get<std::uint64_t>(area, kFdp);
    for (std::size_t i = 0; i < state.st.size(); ++i)
        std::memcpy(state.st[i].data(), area.data() + kSt + kStStride * i, state.st[i].size());
    state.ftw = expand_tags(get<std::uint8_t>(area, kFtw), state.fsw, state.st);
}

void write_x87(const ExtendedState& state, std::span<std::byte> area) {
    put(area, kFcw, state.fcw);
    put(area, kFsw, state.fsw);
    put(area, kFtw, abridge_tags(state.ftw));
    put(area, kFop, state.fop);
    put(area, kFip, state.fip);
    put(area, kFdp, state.fdp);
    for (std::size_t i = 0; i < state.st.size(); ++i)
        std::memcpy(area.data() + kSt + kStStride * i, state.st[i].data(), state.st[i].size());
}

void read_xmm(std::span<const std::byte> area, ExtendedState& state) {
    for (std::size_t i = 0; i < 16; ++i)
        std::memcpy(state.zmm[i].data(), area.data() + kXmm + 16 * i, 16);
}

void write_xmm(const ExtendedState& state, std::span<std::byte> area) {
    for (std::size_t i = 0; i < 16; ++i)
        std::memcpy(area.data() + kXmm + 16 * i, state.zmm[i].data(), 16);
}

}  // namespace

bool read_fxsave(std::span<const std::byte> area, ExtendedState& state) {
    if (area.size() < kFxsaveSize)
        return false;
    read_x87(area, state);
    state.mxcsr = get<std::uint32_t>(area, kMxcsr);
    read_xmm(area, state);
    return true;
}

bool write_fxsave(const ExtendedState& state, std::span<std::byte> area) {
    if (area.size() < kFxsaveSize)
        return false;
    write_x87(state, area);
    put(area, kMxcsr, state.mxcsr);
    write_xmm(state, area);
    return true;
}

bool read_xsave(std::span<const std::byte> area, const XsaveLayout& layout, ExtendedState& state) {
    if (!is_standard_xsave(area))
        return false;
    state = ExtendedState{};
    const auto present = get<std::uint64_t>(area, kXstateBv);
    if ((present & bit(XsaveComponent::X87)) != 0)
        read_x87(area, state);
    if ((present & bit(XsaveComponent::Sse)) != 0)
        read_xmm(area, state);
    // MXCSR belongs to SSE and AVX alike (SDM volume 1, 13.5.2).
    if ((present & (bit(XsaveComponent::Sse) | bit(XsaveComponent::Avx))) != 0)
        state.mxcsr = get<std::uint32_t>(area, kMxcsr);
    for (const VectorPart& part : kVectorParts) {
        const std::uint32_t offset = layout.*part.offset;
        if ((present & bit(part.component)) == 0 || !has_room(area, offset, part.count * part.bytes))
            continue;
        for (std::size_t i = 0; i < part.count; ++i)
            std::memcpy(state.zmm[part.first + i].data() + part.from, area.data() + offset + part.bytes * i,
                        part.bytes);
    }
    if ((present & bit(XsaveComponent::Opmask)) != 0 && has_room(area, layout.opmask, sizeof state.k))
        std::memcpy(state.k.data(), area.data() + layout.opmask, sizeof state.k);
    if ((present & bit(XsaveComponent::Pkru)) != 0 && has_room(area, layout.pkru, sizeof state.pkru))
        state.pkru = get<std::uint32_t>(area, layout.pkru);
    return true;
}

bool write_xsave(const ExtendedState& state, const XsaveLayout& layout, std::span<std::byte> area) {
    if (!is_standard_xsave(area))
        return false;
    auto present = get<std::uint64_t>(area, kXstateBv);
    write_fxsave(state, area);
    present |= bit(XsaveComponent::X87) | bit(XsaveComponent::Sse);
    for (const VectorPart& part : kVectorParts) {
        const std::uint32_t offset = layout.*part.offset;
        if (!has_room(area, offset, part.count * part.bytes))
            continue;
        for (std::size_t i = 0; i < part.count; ++i)
            std::memcpy(area.data() + offset + part.bytes * i, state.zmm[part.first + i].data() + part.from,
                        part.bytes);
        present |= bit(part.component);
    }
    if (has_room(area, layout.opmask, sizeof state.k)) {
        std::memcpy(area.data() + layout.opmask, state.k.data(), sizeof state.k);
        present |= bit(XsaveComponent::Opmask);
    }
    if (has_room(area, layout.pkru, sizeof state.pkru)) {
        put(area, layout.pkru, state.pkru);
        present |= bit(XsaveComponent::Pkru);
    }
    put(area, kXstateBv, present);
    return true;
}

std::uint8_t abridge_tags(std::uint16_t full) {
    unsigned abridged = 0;
    for (unsigned physical = 0; physical < 8; ++physical) {
        if (((full >> (2 * physical)) & 3) != 3)
            abridged |= 1u << physical;
    }
    return static_cast<std::uint8_t>(abridged);
}

namespace {

// The full tag of a value that is not empty (SDM volume 1, figure 8-7): 0 valid, 1 zero, 2 special.
unsigned value_tag(const std::array<std::uint8_t, 10>& value) {
    std::uint64_t significand = 0;
    std::uint16_t sign_exponent = 0;
    std::memcpy(&significand, value.data(), sizeof significand);
    std::memcpy(&sign_exponent, value.data() + 8, sizeof sign_exponent);
    const unsigned exponent = sign_exponent & 0x7fffu;
    const bool integer_bit = (significand >> 63) != 0;
    if (exponent == 0 && significand == 0)
        return 1;
    return exponent == 0x7fff || !integer_bit ? 2 : 0;
}

}  // namespace

std::uint16_t expand_tags(std::uint8_t abridged, std::uint16_t status_word,
                          std::span<const std::array<std::uint8_t, 10>, 8> st) {
    const unsigned top = (status_word >> 11) & 7u;
    unsigned full = 0;
    for (unsigned physical = 0; physical < 8; ++physical) {
        const bool empty = ((abridged >> physical) & 1) == 0;
        const unsigned tag = empty ? 3 : value_tag(st[(physical - top) & 7]);
        full |= tag << (2 * physical);
    }
    return static_cast<std::uint16_t>(full);
}

}  // namespace ringside::x86
