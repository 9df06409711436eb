#include "arch/x86_64/paging.h"

#include <gtest/gtest.h>

#include <map>

#include "arch/x86_64/control_bits.h"

namespace ringside::x86 {
namespace {

constexpr std::uint64_t kP = 1, kW = 2, kU = 4, kPs = 0x80, kXd = std::uint64_t{1} << 63;
constexpr std::uint64_t kAll = kP | kW | kU;

// Guest memory that holds only page-table entries, from 0 to `limit`.
class Tables {
  public:
    void set(std::uint64_t gpa, std::uint64_t entry) { entries_[gpa] = entry; }
    void set_limit(std::uint64_t limit) { limit_ = limit; }
    unsigned reads() const { return reads_; }

    std::optional<std::uint64_t> operator()(Gpa gpa, unsigned size) {
        ++reads_;
        if (gpa.value + size > limit_)
            return std::nullopt;
        const auto found = entries_.find(gpa.value);
        const std::uint64_t value = found == entries_.end() ? 0 : found->second;
        return size == 4 ? value & 0xffffffff : value;
    }

  private:
    std::map<std::uint64_t, std::uint64_t> entries_;
    std::uint64_t limit_ = ~std::uint64_t{0} >> 1;
    unsigned reads_ = 0;
};

PagingState four_level(std::uint64_t cr3 = 0x1000) {
    return {cr0::kPe | cr0::kPg, cr3, cr4::kPae, efer::kLme | efer::kLma | efer::kNxe};
}
PagingState pae(std::uint64_t cr3 = 0x1000) {
    return {cr0::kPe | cr0::kPg, cr3, cr4::kPae, efer::kNxe};
}
PagingState bits32(std::uint64_t cr4 = cr4::kPse) {
    return {cr0::kPe | cr0::kPg, 0x1000, cr4, 0};
}

// PML4 0x1000 -> PDPT 0x2000 -> PD 0x3000 -> PT 0x4000, everything at index 0.
Tables chain(std::uint64_t flags = kAll) {
    Tables tables;
    tables.set(0x1000, 0x2000 | flags);
    tables.set(0x2000, 0x3000 | flags);
    tables.set(0x3000, 0x4000 | flags);
    return tables;
}

TEST(PagingMode, FollowsControlRegisters) {
    EXPECT_EQ(paging_mode({cr0::kPe, 0, cr4::kPae, efer::kLma}), PagingMode::None);
    EXPECT_EQ(paging_mode(bits32()), PagingMode::Bits32);
    EXPECT_EQ(paging_mode(pae()), PagingMode::Pae);
    EXPECT_EQ(paging_mode(four_level()), PagingMode::FourLevel);
    PagingState five = four_level();
    five.cr4 |= cr4::kLa57;
    EXPECT_EQ(paging_mode(five), PagingMode::FiveLevel);
}

TEST(Translate, IsTheIdentityWithoutPaging) {
    Tables tables;
    const auto result = translate({cr0::kPe, 0, 0, 0}, Gva{0xb8000}, tables);
    ASSERT_TRUE(result);
    EXPECT_EQ(result->gpa, Gpa{0xb8000});
    EXPECT_EQ(result->step_count, 0u);
    EXPECT_EQ(tables.reads(), 0u);
}

TEST(Translate, Walks4KiBPagesAndGathersPermissions) {
    Tables tables = chain();
    tables.set(0x3000, 0x4000 | kP | kW);                  // not user
    tables.set(0x4000 + 5 * 8, 0xabc000 | kP | kU | kXd);  // not writable, not executable
    const auto result = translate(four_level(), Gva{0x5123}, tables);
    ASSERT_TRUE(result);
    EXPECT_EQ(result->gpa, Gpa{0xabc123});
    EXPECT_EQ(result->page_size, 0x1000u);
    EXPECT_EQ(result->permissions, (PagePermissions{false, false, false}));
    ASSERT_EQ(result->step_count, 4u);
    EXPECT_EQ(result->steps[0].level, 4u);
    EXPECT_EQ(result->steps[3].entry_gpa, Gpa{0x4028});
    EXPECT_EQ(result->steps[2].permissions, (PagePermissions{true, false, true}));
}

TEST(Translate, WalksTheUpperHalf) {
    Tables tables;
    tables.set(0x1000 + 511 * 8, 0x2000 | kAll);
    tables.set(0x2000 + 510 * 8, 0x3000 | kAll);
    tables.set(0x3000 + 8 * 8, 0x1000000 | kAll | kPs);
    const auto result = translate(four_level(), Gva{0xffffffff81000123}, tables);
    ASSERT_TRUE(result);
    EXPECT_EQ(result->gpa, Gpa{0x1000123});
    EXPECT_EQ(result->page_size, 0x200000u);
}

TEST(Translate, Maps1GiBPages) {
    Tables tables = chain();
    tables.set(0x2008, 0x80000000 | kAll | kPs);
    const auto result = translate(four_level(), Gva{0x7fffffff}, tables);
    ASSERT_TRUE(result);
    EXPECT_EQ(result->gpa, Gpa{0xbfffffff});
    EXPECT_EQ(result->page_size, 0x40000000u);
}

TEST(Translate, WalksFiveLevels) {
    PagingState state = four_level(0x9000);
    state.cr4 |= cr4::kLa57;
    Tables tables = chain();
    tables.set(0x9000 + 0x100 * 8, 0x1000 | kAll);  // bit 56: the lowest kernel address
    tables.set(0x4000, 0x77000 | kAll);
    const auto result = translate(state, Gva{0xff00000000000042}, tables);
    ASSERT_TRUE(result);
    EXPECT_EQ(result->gpa, Gpa{0x77042});
    EXPECT_EQ(result->step_count, 5u);
}

TEST(Translate, Uses32BitEntriesWithoutPae) {
    Tables tables;
    tables.set(0x1000 + 4 * 1, 0x2000 | kAll);
    tables.set(0x2000 + 4 * 3, 0x5000 | kP | kW);
    const auto result = translate(bits32(), Gva{0x403abc}, tables);
    ASSERT_TRUE(result);
    EXPECT_EQ(result->gpa, Gpa{0x5abc});
    EXPECT_EQ(result->permissions, (PagePermissions{true, false, true}));
}

TEST(Translate, KnowsPse36) {
    Tables tables;
    tables.set(0x1000 + 4 * 768, 0x00c00000 | (std::uint64_t{0xa5} << 13) | kAll | kPs);
    const auto result = translate(bits32(), Gva{0xc0123456}, tables);
    ASSERT_TRUE(result);
    EXPECT_EQ(result->gpa, Gpa{0xa500c00000 + 0x123456});
    EXPECT_EQ(result->page_size, 0x400000u);
}

TEST(Translate, TakesPsFor32BitTableWithoutCr4Pse) {
    Tables tables;
    tables.set(0x1000, 0x2000 | kAll | kPs);
    tables.set(0x2000, 0x5000 | kAll);
    const auto result = translate(bits32(0), Gva{0}, tables);
    ASSERT_TRUE(result);
    EXPECT_EQ(result->page_size, 0x1000u);
}

TEST(Translate, WalksPaeFromAnUnalignedPdpt) {
    Tables tables;
    tables.set(0x1020 + 8 * 3, 0x2000 | kP);  // a PDPTE has no permission bits
    tables.set(0x2000 + 8 * 1, 0x40000000 | kAll | kPs);
    const auto result = translate(pae(0x1020), Gva{0xc0200007}, tables);
    ASSERT_TRUE(result);
    EXPECT_EQ(result->gpa, Gpa{0x40000007});
    EXPECT_EQ(result->page_size, 0x200000u);
    EXPECT_TRUE(result->permissions.writable);
    EXPECT_EQ(result->step_count, 2u);
}

struct Failure {
    const char* label;
    PagingState state;
    Gva gva;
    std::uint64_t entry_gpa, entry;  // put over chain()
    WalkFailureReason reason;
    unsigned level;
};

class TranslateFailure : public testing::TestWithParam<Failure> {};

TEST_P(TranslateFailure, NamesReasonAndLevel) {
    const Failure& c = GetParam();
    Tables tables = chain();
    tables.set(c.entry_gpa, c.entry);
    const auto result = translate(c.state, c.gva, tables);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().reason, c.reason) << describe(result.error());
    EXPECT_EQ(result.error().level, c.level);
    EXPECT_EQ(result.error().gva, c.gva);
}

PagingState without_nx() {
    PagingState state = four_level();
    state.efer &= ~efer::kNxe;
    return state;
}
PagingState with_40_bits() {
    PagingState state = four_level();
    state.maxphyaddr = 40;
    return state;
}

using enum WalkFailureReason;
INSTANTIATE_TEST_SUITE_P(
    All, TranslateFailure,
    testing::Values(
        Failure{"NotPresentPml4", four_level(), Gva{0x8000000000}, 0, 0, NotPresent, 4},
        Failure{"NotPresentPt", four_level(), Gva{0x1000}, 0x4008, kW | kU, NotPresent, 1},
        Failure{"NonCanonical", four_level(), Gva{0x800000000000}, 0, 0, NonCanonical, 0},
        Failure{"Above4GiBInPae", pae(), Gva{0x100000000}, 0, 0, NonCanonical, 0},
        Failure{"ExecuteDisableWithoutNxe", without_nx(), Gva{0}, 0x4000, kAll | kXd, ReservedBit, 1},
        Failure{"AddressAboveMaxphyaddr", with_40_bits(), Gva{0}, 0x3000, kAll | (std::uint64_t{1} << 40),
                ReservedBit, 2},
        Failure{"MisalignedLargePage", four_level(), Gva{0}, 0x3000, kAll | kPs | 0x2000, ReservedBit, 2},
        Failure{"MisalignedHugePage", four_level(), Gva{0}, 0x2000, kAll | kPs | 0x200000, ReservedBit, 3},
        Failure{"PageSizeInPml4", four_level(), Gva{0}, 0x1000, kAll | kPs, ReservedBit, 4},
        Failure{"PermissionsInPaePdpte", pae(), Gva{0}, 0x1000, 0x2000 | kAll, ReservedBit, 3},
        Failure{"Pse36Bit21", bits32(), Gva{0}, 0x1000, kAll | kPs | 0x200000, ReservedBit, 2}),
    [](const auto& test) { return test.param.label; });

TEST(Translate, SaysWhenATableIsNotBacked) {
    Tables tables = chain();
    tables.set(0x2000, 0xdead000 | kAll);
    tables.set_limit(0x100000);
    const auto result = translate(four_level(), Gva{0x401000}, tables);
    ASSERT_FALSE(result);
    EXPECT_EQ(
        describe(result.error()),
        "page-table walk of 0x401000 failed at level 2 (PD): entry 2 at gpa 0xdead010 is not backed by guest "
        "memory");
}

TEST(Translate, EndsOnATableThatPointsToItself) {
    Tables tables;
    tables.set(0x1000, 0x1000 | kAll);
    const auto result = translate(four_level(), Gva{0}, tables);
    ASSERT_TRUE(result);  // the table is its own page
    EXPECT_EQ(result->gpa, Gpa{0x1000});
    EXPECT_EQ(tables.reads(), 4u);
}

TEST(TopStep, IsTheFirstEntryWhateverComesBelow) {
    Tables tables = chain();
    tables.set(0x2000, 0);  // nothing is mapped
    const auto step = top_step(four_level(), Gva{0x5123}, tables);
    ASSERT_TRUE(step);
    EXPECT_EQ(step->level, 4u);
    EXPECT_EQ(step->entry, 0x2000 | kAll);
    EXPECT_EQ(tables.reads(), 1u);
}

TEST(TopStep, IsNoneWhereAWalkReadsNone) {
    Tables tables = chain();
    EXPECT_FALSE(top_step({cr0::kPe, 0, 0, 0}, Gva{0x5123}, tables));
    EXPECT_FALSE(top_step(four_level(), Gva{0x800000000000}, tables));
    EXPECT_FALSE(top_step(four_level(0x7000), Gva{0x5123}, tables));  // not present
}

TEST(Describe, PutsAFailureIntoWords) {
    Tables tables = chain();
    tables.set(0x3000, 0);
    EXPECT_EQ(describe(translate(four_level(), Gva{0x1234}, tables).error()),
              "page-table walk of 0x1234 failed at level 2 (PD): entry 0 at gpa 0x3000 is not present");
    EXPECT_EQ(describe(translate(four_level(), Gva{0x8000000000000000}, tables).error()),
              "0x8000000000000000 is not canonical (4-level paging)");
}

TEST(Canonical, HasAHoleInTheMiddle) {
    EXPECT_TRUE(is_canonical(PagingMode::FourLevel, Gva{0x7fffffffffff}));
    EXPECT_FALSE(is_canonical(PagingMode::FourLevel, Gva{0x800000000000}));
    EXPECT_FALSE(is_canonical(PagingMode::FourLevel, Gva{0xffff7fffffffffff}));
    EXPECT_TRUE(is_canonical(PagingMode::FourLevel, Gva{0xffff800000000000}));
    EXPECT_TRUE(is_canonical(PagingMode::FiveLevel, Gva{0x800000000000}));
    EXPECT_FALSE(is_canonical(PagingMode::FiveLevel, Gva{0x100000000000000}));
}

TEST(Region, JoinsPagesWithTheSamePermissions) {
    Tables tables = chain();
    for (std::uint64_t i = 4; i < 8; ++i)
        tables.set(0x4000 + 8 * i, (0x100000 - i * 0x1000) | kP | kW);  // anywhere in physical memory
    tables.set(0x4000 + 8 * 8, 0x200000 | kP);
    const auto run = region(four_level(), Gva{0x5800}, tables);
    EXPECT_EQ(run.start, Gva{0x4000});
    EXPECT_EQ(run.size, 0x4000u);
    EXPECT_TRUE(run.mapped);
    EXPECT_EQ(run.permissions, (PagePermissions{true, false, true}));
}

TEST(Region, FindsTheHoleAroundAnUnmappedAddress) {
    Tables tables = chain();
    tables.set(0x4000, 0x10000 | kAll);
    const auto hole = region(four_level(), Gva{0x3000}, tables, 3000);
    EXPECT_EQ(hole.start, Gva{0x1000});
    EXPECT_FALSE(hole.mapped);
    EXPECT_EQ(hole.start + hole.size, Gva{0}) << "nothing else is mapped up to the end of the address space";
}

TEST(Region, IsBounded) {
    Tables tables = chain();
    const auto run = region(four_level(), Gva{0x100000}, tables, 3);
    EXPECT_EQ(run.size, 7 * 0x1000u);
    EXPECT_EQ(run.start, Gva{0x100000 - 3 * 0x1000});
}

TEST(Region, WithoutPagingIsThe32BitSpace) {
    Tables tables;
    const auto run = region({cr0::kPe, 0, 0, 0}, Gva{0x1000}, tables);
    EXPECT_EQ(run.start, Gva{0});
    EXPECT_EQ(run.size, std::uint64_t{1} << 32);
    EXPECT_TRUE(run.mapped);
}

}  // namespace
}  // namespace ringside::x86
