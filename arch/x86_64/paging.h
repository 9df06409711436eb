// Page walks as the processor does them (SDM volume 3, chapter 4): no paging, 32-bit, PAE, 4-level and
// 5-level, with every page size. Pure functions that do not allocate: they read tables through a callback,
// and a hostile or self-referencing table costs at most one read per level.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

#include <tl/expected.hpp>

#include "arch/x86_64/address.h"
#include "arch/x86_64/cpu_state.h"

namespace ringside::x86 {

enum class PagingMode : std::uint8_t { None, Bits32, Pae, FourLevel, FiveLevel };

// The part of the processor's state on which a walk depends.
struct PagingState {
    std::uint64_t cr0 = 0, cr3 = 0, cr4 = 0, efer = 0;
    // Physical-address width in bits (CPUID 0x80000008 EAX[7:0]); address bits above it are reserved.
    unsigned maxphyaddr = 52;
};

// Reads `size` (4 or 8) bytes of guest-physical memory as a little-endian number. Returns nullopt if memory
// does not back all of them. A non-owning reference to a callable: pass a lambda and keep it alive during the
// call.
class EntryReader {
  public:
    // Implicit, so that a lambda can be passed; the constraint keeps it from standing in for a copy.
    // NOLINTBEGIN(google-explicit-constructor,bugprone-forwarding-reference-overload)
    template <typename F>
    requires(!std::is_same_v<std::remove_cvref_t<F>, EntryReader> &&
             std::is_invocable_r_v<std::optional<std::uint64_t>, F&, Gpa, unsigned>) EntryReader(F&& callable)
        : object_(const_cast<void*>(static_cast<const void*>(std::addressof(callable)))),
          call_([](void* object, Gpa gpa, unsigned size) -> std::optional<std::uint64_t> {
              return (*static_cast<std::remove_reference_t<F>*>(object))(gpa, size);
          }) {}
    // NOLINTEND(google-explicit-constructor,bugprone-forwarding-reference-overload)

    std::optional<std::uint64_t> operator()(Gpa gpa, unsigned size) const {
        return call_(object_, gpa, size);
    }

  private:
    void* object_;
    std::optional<std::uint64_t> (*call_)(void*, Gpa, unsigned);
};

// What an address, or one entry of the walk to it, allows. `user` is the U/S bit. `executable` is true if XD
// is clear or EFER.NXE does not enable it. SMEP, SMAP, protection keys and CR0.WP are up to the caller.
struct PagePermissions {
    bool writable = true, user = true, executable = true;
    friend bool operator==(const PagePermissions&, const PagePermissions&) = default;
};

// One entry that a walk has read. Levels are numbered 5 (PML5), 4 (PML4), 3 (PDPT), 2 (PD) and 1 (PT).
struct WalkStep {
    unsigned level = 0;
    Gpa entry_gpa;
    std::uint64_t entry = 0;
    PagePermissions permissions;  // of this entry alone
};

inline constexpr std::size_t kMaxWalkSteps = 5;

struct Translation {
    Gpa gpa;
    std::uint64_t page_size = 0;  // 4 KiB, 2 MiB, 4 MiB, 1 GiB; without paging 4 GiB, the whole linear space
    PagePermissions permissions;  // of all levels together
    std::array<WalkStep, kMaxWalkSteps> steps{};
    std::size_t step_count = 0;
};

enum class WalkFailureReason : std::uint8_t {
    NotPresent,        // the entry's P bit is clear
    NonCanonical,      // the address is outside the linear address space of the mode
    ReservedBit,       // the entry has a bit set that must be zero
    EntryNotBacked,    // the entry itself is outside guest memory
    NotInSecondLevel,  // L1 has not mapped L2's physical address `entry_gpa`
    NoInnerGuest,      // an address of L2, whose tables are not known
};

struct WalkFailure {
    WalkFailureReason reason = WalkFailureReason::NotPresent;
    Gva gva;
    PagingMode mode = PagingMode::None;
    unsigned level = 0;       // 0 for NonCanonical
    unsigned index = 0;       // of the entry in its table
    Gpa entry_gpa;            // unused for NonCanonical
    std::uint64_t entry = 0;  // unused for NonCanonical and EntryNotBacked
};

PagingMode paging_mode(const PagingState& state);
PagingState paging_state(const SystemRegisters& system, unsigned maxphyaddr = 52);

// "no paging", "32-bit paging", "PAE paging", "4-level paging", "5-level paging"
std::string_view name(PagingMode mode);
// "PML5", "PML4", "PDPT", "PD" or "PT"
std::string_view level_name(unsigned level);

// Returns true if the mode's linear address space contains the address: outside long mode, if the bits above
// 31 are clear; in long mode, if it is sign-extended from bit 47 (56 with 5 levels).
bool is_canonical(PagingMode mode, Gva gva);

tl::expected<Translation, WalkFailure> translate(const PagingState& state, Gva gva, EntryReader reader);

// The first entry that a walk reads, in the top table. Returns nullopt without paging, or if the entry is not
// present or not valid.
std::optional<WalkStep> top_step(const PagingState& state, Gva gva, EntryReader reader);

// One sentence: "page-table walk of 0x401000 failed at level 2 (PD): entry 2 at gpa 0x3010 is not present".
std::string describe(const WalkFailure& failure);

// A run of addresses that are all mapped with the same permissions, or all unmapped.
struct AddressRange {
    Gva start;
    std::uint64_t size = 0;  // in bytes; 0 means 2^64
    bool mapped = false;
    PagePermissions permissions;  // of a mapped run
};

// The run that contains `gva`, found by at most `max_walks` walks in each direction. A longer run is cut
// short; what it says is still true of every address in it.
AddressRange region(const PagingState& state, Gva gva, EntryReader reader, unsigned max_walks = 512);

}  // namespace ringside::x86
