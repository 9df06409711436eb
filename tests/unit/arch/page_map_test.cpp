#include "arch/x86_64/page_map.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "arch/x86_64/control_bits.h"

namespace ringside::x86 {
namespace {

using ::testing::ElementsAre;

constexpr std::uint64_t kP = 1, kW = 2, kU = 4, kPs = 0x80, kXd = std::uint64_t{1} << 63;
constexpr std::uint64_t kKernel = kP | kW;
constexpr PagePermissions kData{true, false, true}, kUserData{true, true, true}, kText{false, false, true};

class Tables {
  public:
    void set(std::uint64_t gpa, std::uint64_t entry) { entries_[gpa] = entry; }
    unsigned reads() const { return reads_; }
    std::optional<std::uint64_t> operator()(Gpa gpa, unsigned size) {
        ++reads_;
        const auto found = entries_.find(gpa.value);
        const std::uint64_t value = found == entries_.end() ? 0 : found->second;
        return size == 4 ? value & 0xffffffff : value;
    }

  private:
    std::map<std::uint64_t, std::uint64_t> entries_;
    unsigned reads_ = 0;
};

PagingState long_mode(bool five = false) {
    return {cr0::kPe | cr0::kPg, 0x1000, cr4::kPae | (five ? cr4::kLa57 : 0),
            efer::kLme | efer::kLma | efer::kNxe};
}

TEST(PageMap, IsEmptyWithoutPaging) {
    Tables tables;
    EXPECT_TRUE(page_map({cr0::kPe, 0, 0, 0}, tables).runs.empty());
    EXPECT_EQ(tables.reads(), 0U);
}

TEST(PageMap, MergesNeighboursOfEqualPermissions) {
    Tables tables;
    tables.set(0x1000, 0x2000 | kKernel | kU);
    tables.set(0x2000, 0x3000 | kKernel | kU);
    tables.set(0x3000, 0x4000 | kKernel | kU);
    tables.set(0x3008, 0x200000 | kKernel | kPs);  // next to the last small page
    tables.set(0x4000 + 8 * 510, 0x10000 | kKernel);
    tables.set(0x4000 + 8 * 511, 0x90000 | kKernel);  // its frame is elsewhere
    tables.set(0x3010, 0x400000 | kP | kU | kPs | kXd);
    EXPECT_THAT(page_map(long_mode(), tables).runs,
                ElementsAre(MappedRun{0x1fe000, 0x202000, kData},
                            MappedRun{0x400000, 0x200000, {false, true, false}}));
}

TEST(PageMap, UpperLevelsTakePermissionsAway) {
    Tables tables;
    tables.set(0x1000, 0x2000 | kP);  // read-only, supervisor
    tables.set(0x2000, 0x40000000 | kKernel | kU | kPs);
    EXPECT_THAT(page_map(long_mode(), tables).runs, ElementsAre(MappedRun{0, 0x40000000, kText}));
}

TEST(PageMap, TheHalvesAreApart) {
    Tables tables;
    tables.set(0x1000 + 8 * 255, 0x2000 | kKernel);
    tables.set(0x1000 + 8 * 256, 0x3000 | kKernel);
    tables.set(0x2000 + 8 * 511, kKernel | kPs);
    tables.set(0x3000, kKernel | kPs);
    EXPECT_THAT(page_map(long_mode(), tables).runs,
                ElementsAre(MappedRun{0x7fffc0000000, 0x40000000, kData},
                            MappedRun{0xffff800000000000, 0x40000000, kData}));
}

TEST(PageMap, OfFiveLevels) {
    Tables tables;
    tables.set(0x1000 + 8 * 256, 0x5000 | kKernel);
    tables.set(0x5000, 0x2000 | kKernel);
    tables.set(0x2000, kKernel | kPs);
    EXPECT_THAT(page_map(long_mode(true), tables).runs,
                ElementsAre(MappedRun{0xff00000000000000, 0x40000000, kData}));
}

TEST(PageMap, OfPae) {
    Tables tables;
    const PagingState pae{cr0::kPe | cr0::kPg, 0x1000, cr4::kPae, efer::kNxe};
    tables.set(0x1000 + 8 * 3, 0x3000 | kP);
    tables.set(0x3000 + 8 * 511, kKernel | kU | kPs);
    EXPECT_THAT(page_map(pae, tables).runs, ElementsAre(MappedRun{0xffe00000, 0x200000, kUserData}));
}

TEST(PageMap, Of32Bits) {
    Tables tables;
    const PagingState bits32{cr0::kPe | cr0::kPg, 0x1000, cr4::kPse, 0};
    tables.set(0x1000 + 4 * 1, 0x400000 | kKernel | kPs);
    tables.set(0x1000 + 4 * 2, 0x2000 | kKernel);
    tables.set(0x2000, 0x9000 | kKernel);
    EXPECT_THAT(page_map(bits32, tables).runs, ElementsAre(MappedRun{0x400000, 0x401000, kData}));
}

// KASAN's shadow: one page at 2^36 addresses.
Tables shadow_tables() {
    Tables tables;
    for (std::uint64_t i = 0; i < 512; ++i) {
        tables.set(0x1000 + 8 * i, 0x2000 | kKernel);
        tables.set(0x2000 + 8 * i, 0x3000 | kKernel);
        tables.set(0x3000 + 8 * i, 0x4000 | kKernel);
        tables.set(0x4000 + 8 * i, 0x9000 | kKernel);
    }
    return tables;
}

TEST(PageMap, ATableThatIsUsedEverywhereIsReadOnce) {
    Tables tables = shadow_tables();
    const auto map = page_map(long_mode(), tables);
    EXPECT_THAT(map.runs, ElementsAre(MappedRun{0, 0x800000000000, kData},
                                      MappedRun{0xffff800000000000, 0x800000000000, kData}));
    EXPECT_EQ(tables.reads(), 4U * 512);
}

TEST(PageMap, ATableThatMapsItselfEnds) {
    Tables tables;
    for (std::uint64_t i = 0; i < 512; i += 2)
        tables.set(0x1000 + 8 * i, 0x1000 | kKernel);
    const auto map = page_map(long_mode(), tables, 1000);
    EXPECT_FALSE(map.complete);
    EXPECT_EQ(map.runs.size(), 1000U);
    EXPECT_LE(tables.reads(), 4U * 512);
}

TEST(Pages, AreVisitedByAddressUntilToldToStop) {
    Tables tables;
    tables.set(0x1000, 0x2000 | kKernel);
    tables.set(0x2000, 0x3000 | kKernel);
    tables.set(0x3000, 0x200000 | kKernel | kPs);
    tables.set(0x3008, 0x4000 | kKernel);
    tables.set(0x4008, 0x7000 | kKernel);
    std::vector<std::uint64_t> seen;
    EXPECT_TRUE(for_each_page(long_mode(), tables, [&](const MappedPage& page) {
        seen.push_back(page.gva.value);
        return true;
    }));
    EXPECT_THAT(seen, ElementsAre(0, 0x201000));
    EXPECT_FALSE(for_each_page(long_mode(), tables, [](const MappedPage&) { return false; }));
}

TEST(Mappings, AreFoundWhereverTheyAre) {
    Tables tables;
    tables.set(0x1000, 0x2000 | kKernel);
    tables.set(0x2000, 0x3000 | kKernel);
    tables.set(0x3000, 0x200000 | kKernel | kPs);
    tables.set(0x3008, 0x4000 | kKernel);
    tables.set(0x4008, 0x205000 | kKernel);
    const auto found = find_mappings(long_mode(), tables, Gpa{0x205123}, 10);
    ASSERT_EQ(found.size(), 2U);
    EXPECT_EQ(found[0].gva.value, 0U);
    EXPECT_EQ(found[1].gva.value, 0x201000U);
    EXPECT_EQ(find_mappings(long_mode(), tables, Gpa{0x205123}, 1).size(), 1U);
    EXPECT_TRUE(find_mappings(long_mode(), tables, Gpa{0x9000}, 10).empty());
}

TEST(Mappings, BarrenTablesAreReadOnce) {
    Tables tables = shadow_tables();
    EXPECT_TRUE(find_mappings(long_mode(), tables, Gpa{0xa000}, 10).empty());
    EXPECT_EQ(tables.reads(), 4U * 512);
}

}  // namespace
}  // namespace ringside::x86
