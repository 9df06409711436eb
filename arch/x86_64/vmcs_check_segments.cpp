// The guest's segment registers (SDM volume 3, 27.3.1.2).
#include "arch/x86_64/control_bits.h"
#include "arch/x86_64/vmcs_checker.h"
#include "arch/x86_64/vmx_controls.h"

namespace ringside::x86 {

using enum VmcsField;

namespace {

constexpr std::uint64_t kSelectorTi = 4;

// Access rights (table 25-2).
struct Rights {
    std::uint64_t value;
    std::uint64_t type() const { return value & 0xf; }
    bool code_or_data() const { return (value >> 4 & 1) != 0; }
    std::uint64_t dpl() const { return value >> 5 & 3; }
    bool present() const { return (value >> 7 & 1) != 0; }
    bool reserved() const { return (value & 0xfffe0f00) != 0; }
    bool is_long() const { return (value >> 13 & 1) != 0; }
    bool default_big() const { return (value >> 14 & 1) != 0; }
    bool granular() const { return (value >> 15 & 1) != 0; }
    bool usable() const { return (value >> 16 & 1) == 0; }
};

constexpr std::string_view kType = "has a type that the register cannot have";
constexpr std::string_view kSystem = "S says whether it is a code or data segment, wrongly";
constexpr std::string_view kMustBePresent = "P must be 1";
constexpr std::string_view kReserved = "has a reserved bit";
constexpr std::string_view kGranularity = "G and the limit contradict each other";

// A limit whose low 12 bits are not all ones cannot be in pages; one above 1 MiB cannot be in bytes.
bool granularity_fits(Rights rights, std::uint64_t limit) {
    const bool pages_possible = (limit & 0xfff) == 0xfff, pages_necessary = (limit & 0xfff00000) != 0;
    return rights.granular() ? pages_possible : !pages_necessary;
}

struct SegmentFields {
    VmcsField selector, base, limit, rights;
};
constexpr SegmentFields kCs{GuestCsSelector, GuestCsBase, GuestCsLimit, GuestCsAccessRights};
constexpr SegmentFields kSs{GuestSsSelector, GuestSsBase, GuestSsLimit, GuestSsAccessRights};
constexpr SegmentFields kTr{GuestTrSelector, GuestTrBase, GuestTrLimit, GuestTrAccessRights};
constexpr SegmentFields kLdtr{GuestLdtrSelector, GuestLdtrBase, GuestLdtrLimit, GuestLdtrAccessRights};
constexpr SegmentFields kData[] = {{GuestDsSelector, GuestDsBase, GuestDsLimit, GuestDsAccessRights},
                                   {GuestEsSelector, GuestEsBase, GuestEsLimit, GuestEsAccessRights},
                                   {GuestFsSelector, GuestFsBase, GuestFsLimit, GuestFsAccessRights},
                                   {GuestGsSelector, GuestGsBase, GuestGsLimit, GuestGsAccessRights}};

}  // namespace

void VmcsChecker::check_segments() {
    begin(VmcsCheckStage::Guest, "27.3.1.2");
    require((get(GuestTrSelector) & kSelectorTi) == 0, GuestTrSelector, "TI must be 0");
    if (Rights{get(GuestLdtrAccessRights)}.usable())
        require((get(GuestLdtrSelector) & kSelectorTi) == 0, GuestLdtrSelector, "TI must be 0");
    require_canonical(GuestTrBase);
    require_canonical(GuestFsBase);
    require_canonical(GuestGsBase);
    if (Rights{get(GuestLdtrAccessRights)}.usable())
        require_canonical(GuestLdtrBase);
    require((get(GuestCsBase) & kVmcsUpperHalf) == 0, GuestCsBase, "has bits above 31");
    for (const SegmentFields& s : {kSs, kData[0], kData[1]}) {
        if (Rights{get(s.rights)}.usable())
            require((get(s.base) & kVmcsUpperHalf) == 0, s.base, "has bits above 31");
    }
    if (virtual_8086()) {
        check_virtual_8086_segments();
    } else {
        check_code_segment();
        check_data_segments();
    }
    check_system_segments();
}

void VmcsChecker::check_virtual_8086_segments() {
    constexpr std::uint64_t kVirtual8086Rights = 0xf3;
    for (const SegmentFields& s : {kCs, kSs, kData[0], kData[1], kData[2], kData[3]}) {
        require(get(s.base) == get(s.selector) << 4, s.base,
                "must be the selector times 16 in virtual-8086 mode");
        require(get(s.limit) == 0xffff, s.limit, "must be 0xffff in virtual-8086 mode");
        require(get(s.rights) == kVirtual8086Rights, s.rights, "must be 0xf3 in virtual-8086 mode");
    }
}

void VmcsChecker::check_code_segment() {
    const Rights cs{get(GuestCsAccessRights)}, ss{get(GuestSsAccessRights)};
    const bool accessed_code = cs.type() >= 9 && (cs.type() & 1) != 0;
    const bool data = cs.type() == 3 && unrestricted();
    require(accessed_code || data, GuestCsAccessRights, kType);
    require(cs.code_or_data(), GuestCsAccessRights, kSystem);
    if (data)
        require(cs.dpl() == 0, GuestCsAccessRights, "DPL must be 0");
    else if (cs.type() == 9 || cs.type() == 11)
        require(cs.dpl() == ss.dpl(), GuestCsAccessRights, "DPL must be that of SS");
    else
        require(cs.dpl() <= ss.dpl(), GuestCsAccessRights, "DPL must not be above that of SS");
    require(cs.present(), GuestCsAccessRights, kMustBePresent);
    require(!cs.reserved(), GuestCsAccessRights, kReserved);
    require(!long_mode_guest() || !cs.is_long() || !cs.default_big(), GuestCsAccessRights,
            "L and D must not both be 1");
    require(granularity_fits(cs, get(GuestCsLimit)), GuestCsLimit, kGranularity);
    if (!unrestricted())
        require((get(GuestSsSelector) & 3) == (get(GuestCsSelector) & 3), GuestSsSelector,
                "RPL must be that of CS");
}

void VmcsChecker::check_data_segments() {
    const Rights ss{get(GuestSsAccessRights)};
    if (ss.usable()) {
        require(ss.type() == 3 || ss.type() == 7, GuestSsAccessRights, kType);
        require(ss.code_or_data(), GuestSsAccessRights, kSystem);
        require(ss.present(), GuestSsAccessRights, kMustBePresent);
        require(!ss.reserved(), GuestSsAccessRights, kReserved);
        require(granularity_fits(ss, get(GuestSsLimit)), GuestSsLimit, kGranularity);
    }
    if (!unrestricted())
        require(ss.dpl() == (get(GuestSsSelector) & 3), GuestSsAccessRights,
                "DPL must be the selector's RPL");
    for (const SegmentFields& s : kData) {
        const Rights rights{get(s.rights)};
        if (!rights.usable())
            continue;
        const bool accessed = (rights.type() & 1) != 0, code = (rights.type() & 8) != 0;
        require(accessed && (!code || (rights.type() & 2) != 0), s.rights, kType);
        require(rights.code_or_data(), s.rights, kSystem);
        require(unrestricted() || rights.type() > 11 || rights.dpl() >= (get(s.selector) & 3), s.rights,
                "DPL must not be below the selector's RPL");
        require(rights.present(), s.rights, kMustBePresent);
        require(!rights.reserved(), s.rights, kReserved);
        require(granularity_fits(rights, get(s.limit)), s.limit, kGranularity);
    }
}

void VmcsChecker::check_system_segments() {
    constexpr std::uint64_t kBusy16 = 3, kBusy = 11, kLdt = 2;
    const Rights tr{get(GuestTrAccessRights)}, ldtr{get(GuestLdtrAccessRights)};
    require(tr.type() == kBusy || (tr.type() == kBusy16 && !long_mode_guest()), GuestTrAccessRights, kType);
    require(!tr.code_or_data(), GuestTrAccessRights, kSystem);
    require(tr.present(), GuestTrAccessRights, kMustBePresent);
    require(!tr.reserved(), GuestTrAccessRights, kReserved);
    require(tr.usable(), GuestTrAccessRights, "must be usable");
    require(granularity_fits(tr, get(kTr.limit)), kTr.limit, kGranularity);
    if (!ldtr.usable())
        return;
    require(ldtr.type() == kLdt, GuestLdtrAccessRights, kType);
    require(!ldtr.code_or_data(), GuestLdtrAccessRights, kSystem);
    require(ldtr.present(), GuestLdtrAccessRights, kMustBePresent);
    require(!ldtr.reserved(), GuestLdtrAccessRights, kReserved);
    require(granularity_fits(ldtr, get(kLdtr.limit)), kLdtr.limit, kGranularity);
}

}  // namespace ringside::x86
