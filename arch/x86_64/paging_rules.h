// What page-table entries mean in each paging mode: shared by the walk of one address and the map of all.
#pragma once

#include <algorithm>
#include <cstdint>

#include "arch/x86_64/control_bits.h"
#include "arch/x86_64/paging.h"

namespace ringside::x86::paging {

inline constexpr std::uint64_t kPresent = 1u << 0;
inline constexpr std::uint64_t kWritable = 1u << 1;
inline constexpr std::uint64_t kUser = 1u << 2;
inline constexpr std::uint64_t kPageSize = 1u << 7;
inline constexpr std::uint64_t kExecuteDisable = std::uint64_t{1} << 63;
inline constexpr std::uint64_t kLinear32 = std::uint64_t{1} << 32;

// Bits [low, high), none if low >= high.
constexpr std::uint64_t bits(unsigned low, unsigned high) {
    if (low >= high)
        return 0;
    const std::uint64_t below_high = high >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << high) - 1;
    return below_high & ~((std::uint64_t{1} << low) - 1);
}

// The parameters of a paging mode: everything in which one walk differs from another.
struct Geometry {
    unsigned levels = 0;
    unsigned entry_size = 8;
    unsigned index_bits = 9;      // of every level but PAE's top one
    unsigned top_index_bits = 9;  // PAE: 2
    std::uint64_t cr3_mask = 0;
    unsigned linear_bits = 48;
};

constexpr Geometry geometry(PagingMode mode) {
    switch (mode) {
        case PagingMode::Bits32:
            return {2, 4, 10, 10, bits(12, 32), 32};
        case PagingMode::Pae:
            return {3, 8, 9, 2, bits(5, 32), 32};
        case PagingMode::FourLevel:
            return {4, 8, 9, 9, bits(12, 52), 48};
        case PagingMode::FiveLevel:
            return {5, 8, 9, 9, bits(12, 52), 57};
        case PagingMode::None:
            break;
    }
    return {0, 0, 0, 0, 0, 32};
}

// The lowest linear-address bit that an entry at `level` does not translate: 12 for PT, 21 or 22 for PD, ...
constexpr unsigned page_shift(const Geometry& shape, unsigned level) {
    return 12 + (level - 1) * shape.index_bits;
}

// The rules of one processor state.
class Rules {
  public:
    explicit Rules(const PagingState& state)
        : cr4_(state.cr4),
          efer_(state.efer),
          mode_(paging_mode(state)),
          shape_(geometry(mode_)),
          maxphyaddr_(std::clamp(state.maxphyaddr, 32u, 52u)) {}

    PagingMode mode() const { return mode_; }
    const Geometry& shape() const { return shape_; }
    std::uint64_t top_table(std::uint64_t cr3) const { return cr3 & shape_.cr3_mask; }
    unsigned entries(unsigned level) const {
        return 1u << (level == shape_.levels ? shape_.top_index_bits : shape_.index_bits);
    }

    bool no_execute_enabled() const { return (efer_ & efer::kNxe) != 0; }
    bool is_pae_pdpte(unsigned level) const { return mode_ == PagingMode::Pae && level == 3; }

    // Returns true if an entry maps a page. PS is defined in a PDPTE of long mode, in a PDE of long mode and
    // PAE, and in a 32-bit PDE if CR4.PSE is set.
    bool is_leaf(unsigned level, std::uint64_t entry) const {
        if (level == 1)
            return true;
        if ((entry & kPageSize) == 0)
            return false;
        if (mode_ == PagingMode::Bits32)
            return (cr4_ & cr4::kPse) != 0;
        return level == 2 || (level == 3 && mode_ != PagingMode::Pae);
    }

    // SDM volume 3, tables 4-4 to 4-19.
    std::uint64_t reserved_bits(unsigned level, std::uint64_t entry) const {
        const bool leaf = is_leaf(level, entry);
        if (mode_ == PagingMode::Bits32)  // a 4-MiB page keeps physical-address bits 32 and up in bits 13-20
            return leaf && level == 2 ? bits(13 + std::min(maxphyaddr_, 40u) - 32, 22) : 0;
        if (is_pae_pdpte(level))
            return bits(1, 3) | bits(5, 9) | bits(maxphyaddr_, 64);
        // PAE reserves the bits up to 62; long mode leaves 52-62 to software (and to protection keys).
        std::uint64_t reserved = bits(maxphyaddr_, mode_ == PagingMode::Pae ? 63 : 52);
        if (!no_execute_enabled())
            reserved |= kExecuteDisable;
        if (leaf && level > 1)  // bit 12 is the PAT bit of a large page
            reserved |= bits(13, page_shift(shape_, level));
        if (level >= 4)
            reserved |= kPageSize;
        return reserved;
    }

    PagePermissions permissions(unsigned level, std::uint64_t entry) const {
        if (is_pae_pdpte(level))
            return {};  // has no permission bits
        const bool execute_disable =
            shape_.entry_size == 8 && no_execute_enabled() && (entry & kExecuteDisable) != 0;
        return {(entry & kWritable) != 0, (entry & kUser) != 0, !execute_disable};
    }

    static PagePermissions both(PagePermissions a, PagePermissions b) {
        return {a.writable && b.writable, a.user && b.user, a.executable && b.executable};
    }

    std::uint64_t table_mask() const {
        return mode_ == PagingMode::Bits32 ? bits(12, 32) : bits(12, maxphyaddr_);
    }

    // The physical address of the page that a leaf entry maps.
    std::uint64_t frame(unsigned level, std::uint64_t entry) const {
        if (mode_ != PagingMode::Bits32)
            return entry & bits(page_shift(shape_, level), maxphyaddr_);
        if (level == 1)
            return entry & bits(12, 32);
        const std::uint64_t high = (entry & bits(13, 21)) >> 13;  // PSE-36 (SDM volume 3, table 4-4)
        return (entry & bits(22, 32)) | (high << 32);
    }

  private:
    std::uint64_t cr4_, efer_;
    PagingMode mode_;
    Geometry shape_;
    unsigned maxphyaddr_;
};

}  // namespace ringside::x86::paging
