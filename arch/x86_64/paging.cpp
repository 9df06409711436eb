#include "arch/x86_64/paging.h"

#include <fmt/format.h>

#include <algorithm>

#include "arch/x86_64/control_bits.h"

namespace ringside::x86 {

namespace {

constexpr std::uint64_t kPresent = 1u << 0;
constexpr std::uint64_t kWritable = 1u << 1;
constexpr std::uint64_t kUser = 1u << 2;
constexpr std::uint64_t kPageSize = 1u << 7;
constexpr std::uint64_t kExecuteDisable = std::uint64_t{1} << 63;
constexpr std::uint64_t kLinear32 = std::uint64_t{1} << 32;

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

// The walk of one address, from the top table down.
class Walk {
  public:
    Walk(const PagingState& state, Gva gva, EntryReader reader)
        : state_(state),
          gva_(gva),
          reader_(reader),
          mode_(paging_mode(state)),
          shape_(geometry(mode_)),
          maxphyaddr_(std::clamp(state.maxphyaddr, 32u, 52u)) {}

    tl::expected<Translation, WalkFailure> run() {
        if (!is_canonical(mode_, gva_))
            return tl::unexpected(failure(WalkFailureReason::NonCanonical, WalkStep{}, 0));
        Translation result;
        if (mode_ == PagingMode::None) {
            result.gpa = Gpa{gva_.value};
            result.page_size = kLinear32;
            return result;
        }
        std::uint64_t table = state_.cr3 & shape_.cr3_mask;
        for (unsigned level = shape_.levels; level >= 1; --level) {
            const auto step = read_step(table, level);
            if (!step)
                return tl::unexpected(step.error());
            result.steps[result.step_count++] = *step;
            result.permissions = both(result.permissions, step->permissions);
            if (is_leaf(level, step->entry)) {
                result.page_size = std::uint64_t{1} << page_shift(shape_, level);
                result.gpa = Gpa{frame(level, step->entry) | (gva_.value & (result.page_size - 1))};
                return result;
            }
            table = step->entry & table_mask();
        }
        return result;  // not reached: a level-1 entry is always a leaf
    }

    std::optional<WalkStep> top_step() const {
        if (mode_ == PagingMode::None || !is_canonical(mode_, gva_))
            return std::nullopt;
        const auto step = read_step(state_.cr3 & shape_.cr3_mask, shape_.levels);
        return step ? std::optional(*step) : std::nullopt;
    }

  private:
    tl::expected<WalkStep, WalkFailure> read_step(std::uint64_t table, unsigned level) const {
        const unsigned width = level == shape_.levels ? shape_.top_index_bits : shape_.index_bits;
        const auto index =
            static_cast<unsigned>((gva_.value >> page_shift(shape_, level)) & ((1u << width) - 1));
        WalkStep step;
        step.level = level;
        step.entry_gpa = Gpa{table + std::uint64_t{index} * shape_.entry_size};
        const auto entry = reader_(step.entry_gpa, shape_.entry_size);
        if (!entry)
            return tl::unexpected(failure(WalkFailureReason::EntryNotBacked, step, index));
        step.entry = *entry;
        if ((step.entry & kPresent) == 0)
            return tl::unexpected(failure(WalkFailureReason::NotPresent, step, index));
        if ((step.entry & reserved_bits(level, step.entry)) != 0)
            return tl::unexpected(failure(WalkFailureReason::ReservedBit, step, index));
        step.permissions = permissions(level, step.entry);
        return step;
    }

    bool no_execute_enabled() const { return (state_.efer & efer::kNxe) != 0; }
    bool is_pae_pdpte(unsigned level) const { return mode_ == PagingMode::Pae && level == 3; }

    // Returns true if an entry maps a page. PS is defined in a PDPTE of long mode, in a PDE of long mode and
    // PAE, and in a 32-bit PDE if CR4.PSE is set.
    bool is_leaf(unsigned level, std::uint64_t entry) const {
        if (level == 1)
            return true;
        if ((entry & kPageSize) == 0)
            return false;
        if (mode_ == PagingMode::Bits32)
            return (state_.cr4 & cr4::kPse) != 0;
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

    WalkFailure failure(WalkFailureReason reason, const WalkStep& step, unsigned index) const {
        return {reason, gva_, mode_, step.level, index, step.entry_gpa, step.entry};
    }

    const PagingState& state_;
    Gva gva_;
    EntryReader reader_;
    PagingMode mode_;
    Geometry shape_;
    unsigned maxphyaddr_;
};

// What one walk tells about the addresses around it.
AddressRange run_around(const PagingState& state, Gva gva, EntryReader reader) {
    const auto translation = translate(state, gva, reader);
    if (translation) {
        const std::uint64_t size = translation->page_size;
        return {Gva{gva.value & ~(size - 1)}, size, true, translation->permissions};
    }
    const WalkFailure& failure = translation.error();
    const Geometry shape = geometry(failure.mode);
    if (failure.reason != WalkFailureReason::NonCanonical) {
        const std::uint64_t size = std::uint64_t{1} << page_shift(shape, failure.level);
        return {Gva{gva.value & ~(size - 1)}, size, false, {}};
    }
    // The hole between the two canonical halves, or all that lies above a 32-bit space.
    const bool halves = shape.linear_bits > 32;
    const std::uint64_t start = std::uint64_t{1} << (halves ? shape.linear_bits - 1 : 32);
    const std::uint64_t end = halves ? ~start + 1 : 0;
    return {Gva{start}, end - start, false, {}};
}

bool alike(const AddressRange& a, const AddressRange& b) {
    return a.mapped == b.mapped && (!a.mapped || a.permissions == b.permissions);
}

}  // namespace

PagingMode paging_mode(const PagingState& state) {
    if ((state.cr0 & cr0::kPg) == 0)
        return PagingMode::None;
    if ((state.efer & efer::kLma) != 0)
        return (state.cr4 & cr4::kLa57) != 0 ? PagingMode::FiveLevel : PagingMode::FourLevel;
    return (state.cr4 & cr4::kPae) != 0 ? PagingMode::Pae : PagingMode::Bits32;
}

PagingState paging_state(const SystemRegisters& system, unsigned maxphyaddr) {
    return {system.cr0, system.cr3, system.cr4, system.efer, maxphyaddr};
}

std::string_view name(PagingMode mode) {
    switch (mode) {
        case PagingMode::None:
            return "no paging";
        case PagingMode::Bits32:
            return "32-bit paging";
        case PagingMode::Pae:
            return "PAE paging";
        case PagingMode::FourLevel:
            return "4-level paging";
        case PagingMode::FiveLevel:
            return "5-level paging";
    }
    return "unknown paging";
}

std::string_view level_name(unsigned level) {
    constexpr std::array<std::string_view, 6> kNames{"", "PT", "PD", "PDPT", "PML4", "PML5"};
    return level < kNames.size() ? kNames[level] : "";
}

bool is_canonical(PagingMode mode, Gva gva) {
    const unsigned width = geometry(mode).linear_bits;
    if (width == 32)
        return gva.value < kLinear32;
    const std::uint64_t upper = gva.value >> (width - 1);
    return upper == 0 || upper == ~std::uint64_t{0} >> (width - 1);
}

tl::expected<Translation, WalkFailure> translate(const PagingState& state, Gva gva, EntryReader reader) {
    return Walk(state, gva, reader).run();
}

std::optional<WalkStep> top_step(const PagingState& state, Gva gva, EntryReader reader) {
    return Walk(state, gva, reader).top_step();
}

std::string describe(const WalkFailure& failure) {
    if (failure.reason == WalkFailureReason::NonCanonical) {
        if (geometry(failure.mode).linear_bits == 32)
            return fmt::format("0x{:x} lies above the 32-bit linear address space ({})", failure.gva.value,
                               name(failure.mode));
        return fmt::format("0x{:x} is not canonical ({})", failure.gva.value, name(failure.mode));
    }
    if (failure.reason == WalkFailureReason::NoInnerGuest)
        return fmt::format(
            "0x{:x} cannot be looked up in an inner guest (L2): KVM says of none where its page tables are",
            failure.gva.value);
    if (failure.reason == WalkFailureReason::NotInSecondLevel)
        return fmt::format(
            "0x{:x} is at guest-physical address 0x{:x} of the inner guest (L2), which the hypervisor (L1) "
            "does not map",
            failure.gva.value, failure.entry_gpa.value);
    std::string text = fmt::format(
        "page-table walk of 0x{:x} failed at level {} ({}): entry {} at gpa 0x{:x} ", failure.gva.value,
        failure.level, level_name(failure.level), failure.index, failure.entry_gpa.value);
    switch (failure.reason) {
        case WalkFailureReason::NotPresent:
            text += "is not present";
            break;
        case WalkFailureReason::ReservedBit:
            text += fmt::format("has a reserved bit set (0x{:x})", failure.entry);
            break;
        case WalkFailureReason::EntryNotBacked:
            text += "is not backed by guest memory";
            break;
        case WalkFailureReason::NonCanonical:
        case WalkFailureReason::NotInSecondLevel:
        case WalkFailureReason::NoInnerGuest:
            break;
    }
    return text;
}

AddressRange region(const PagingState& state, Gva gva, EntryReader reader, unsigned max_walks) {
    AddressRange run = run_around(state, gva, reader);
    // Both loops end at address 0 (2^64), where `run` would wrap around.
    for (unsigned walks = 0; walks < max_walks && run.start.value + run.size != 0; ++walks) {
        const AddressRange next = run_around(state, run.start + run.size, reader);
        if (!alike(run, next))
            break;
        run.size += next.size;
    }
    for (unsigned walks = 0; walks < max_walks && run.start.value != 0; ++walks) {
        const AddressRange previous = run_around(state, Gva{run.start.value - 1}, reader);
        if (!alike(run, previous))
            break;
        run.start = previous.start;
        run.size += previous.size;
    }
    return run;
}

}  // namespace ringside::x86
