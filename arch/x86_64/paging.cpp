#include "arch/x86_64/paging.h"

#include <fmt/format.h>

#include "arch/x86_64/control_bits.h"
#include "arch/x86_64/paging_rules.h"

namespace ringside::x86 {

namespace {

using namespace paging;

// The walk of one address, from the top table down.
class Walk {
  public:
    Walk(const PagingState& state, Gva gva, EntryReader reader)
        : state_(state),
          gva_(gva),
          reader_(reader),
          rules_(state),
          mode_(rules_.mode()),
          shape_(rules_.shape()) {}

    tl::expected<Translation, WalkFailure> run() {
        if (!is_canonical(mode_, gva_))
            return tl::unexpected(failure(WalkFailureReason::NonCanonical, WalkStep{}, 0));
        Translation result;
        if (mode_ == PagingMode::None) {
            result.gpa = Gpa{gva_.value};
            result.page_size = kLinear32;
            return result;
        }
        std::uint64_t table = rules_.top_table(state_.cr3);
        for (unsigned level = shape_.levels; level >= 1; --level) {
            const auto step = read_step(table, level);
            if (!step)
                return tl::unexpected(step.error());
            result.steps[result.step_count++] = *step;
            result.permissions = Rules::both(result.permissions, step->permissions);
            if (rules_.is_leaf(level, step->entry)) {
                result.page_size = std::uint64_t{1} << page_shift(shape_, level);
                result.gpa = Gpa{rules_.frame(level, step->entry) | (gva_.value & (result.page_size - 1))};
                return result;
            }
            table = step->entry & rules_.table_mask();
        }
        return result;  // not reached: a level-1 entry is always a leaf
    }

    std::optional<WalkStep> top_step() const {
        if (mode_ == PagingMode::None || !is_canonical(mode_, gva_))
            return std::nullopt;
        const auto step = read_step(rules_.top_table(state_.cr3), shape_.levels);
        return step ? std::optional(*step) : std::nullopt;
    }

  private:
    tl::expected<WalkStep, WalkFailure> read_step(std::uint64_t table, unsigned level) const {
        const auto index =
            static_cast<unsigned>((gva_.value >> page_shift(shape_, level)) & (rules_.entries(level) - 1));
        WalkStep step;
        step.level = level;
        step.entry_gpa = Gpa{table + std::uint64_t{index} * shape_.entry_size};
        const auto entry = reader_(step.entry_gpa, shape_.entry_size);
        if (!entry)
            return tl::unexpected(failure(WalkFailureReason::EntryNotBacked, step, index));
        step.entry = *entry;
        if ((step.entry & kPresent) == 0)
            return tl::unexpected(failure(WalkFailureReason::NotPresent, step, index));
        if ((step.entry & rules_.reserved_bits(level, step.entry)) != 0)
            return tl::unexpected(failure(WalkFailureReason::ReservedBit, step, index));
        step.permissions = rules_.permissions(level, step.entry);
        return step;
    }

    WalkFailure failure(WalkFailureReason reason, const WalkStep& step, unsigned index) const {
        return {reason, gva_, mode_, step.level, index, step.entry_gpa, step.entry};
    }

    const PagingState& state_;
    Gva gva_;
    EntryReader reader_;
    Rules rules_;
    PagingMode mode_;
    Geometry shape_;
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
    // The hole between the two canonical halves, or everything above a 32-bit space.
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
