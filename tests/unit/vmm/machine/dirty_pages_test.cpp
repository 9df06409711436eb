#include "vmm/machine/dirty_pages.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/written_pages.h"

namespace ringside::machine {
namespace {

using ringside::testing::WrittenPages;

class Reader final : public DirtyPages::Reader {
  public:
    void page_written(Gpa page) override { pages.push_back(page.value); }
    void all_written() override { ++all; }
    std::vector<std::uint64_t> taken() {
        std::ranges::sort(pages);
        return std::exchange(pages, {});
    }
    std::vector<std::uint64_t> pages;
    int all = 0;
};

using Pages = std::vector<std::uint64_t>;

class DirtyPagesTest : public ::testing::Test {
  protected:
    void monitor_writes(std::uint64_t at, std::size_t size = 1) {
        ASSERT_TRUE(memory.write(Gpa{at}, std::vector<std::byte>(size)));
    }

    GuestMemory memory = std::move(GuestMemory::create(0x10000).value());
    WrittenPages::Log log;
    DirtyPages pages{memory, std::make_unique<WrittenPages>(log)};
    Reader first, second;
};

TEST_F(DirtyPagesTest, EveryReaderIsToldOfEveryPage) {
    ASSERT_TRUE(pages.add(first));
    ASSERT_TRUE(pages.add(second));
    log.pages = {Gpa{0x3000}};
    monitor_writes(0x4fff, 2);
    ASSERT_TRUE(pages.collect());
    EXPECT_EQ(first.taken(), (Pages{0x3000, 0x4000, 0x5000}));
    EXPECT_EQ(second.taken(), (Pages{0x3000, 0x4000, 0x5000}));
    ASSERT_TRUE(pages.collect());
    EXPECT_EQ(first.taken(), Pages{});
}

TEST_F(DirtyPagesTest, TheHostLogsAsLongAsSomebodyReads) {
    ASSERT_TRUE(pages.add(first));
    ASSERT_TRUE(pages.add(second));
    EXPECT_EQ(log.started, 1);
    ASSERT_TRUE(pages.remove(first));
    EXPECT_EQ(log.stopped, 0);
    monitor_writes(0x1000);
    ASSERT_TRUE(pages.collect());
    EXPECT_EQ(first.taken(), Pages{});
    EXPECT_EQ(second.taken(), Pages{0x1000});
    ASSERT_TRUE(pages.remove(second));
    EXPECT_EQ(log.stopped, 1);
    ASSERT_TRUE(pages.remove(second));
    EXPECT_EQ(log.stopped, 1);
}

TEST_F(DirtyPagesTest, NoPageIsForgottenWithTheTranslations) {
    ASSERT_TRUE(pages.add(first));
    log.pages = {Gpa{0x3000}};
    ASSERT_TRUE(pages.forget_translations());
    EXPECT_EQ(log.forgotten, 1);
    EXPECT_EQ(first.taken(), Pages{0x3000});
    log.fails = true;
    ASSERT_TRUE(pages.forget_translations());
    log.fails = false;
    EXPECT_FALSE(pages.collect()) << "some were forgotten";
}

TEST_F(DirtyPagesTest, AnotherSourceMeansThatEveryPageMayBeWritten) {
    ASSERT_TRUE(pages.add(first));
    WrittenPages::Log other;
    pages.replace_source(std::make_unique<WrittenPages>(other));
    EXPECT_EQ(first.all, 1);
    EXPECT_EQ(other.started, 1);
    other.pages = {Gpa{0x2000}};
    ASSERT_TRUE(pages.collect());
    EXPECT_EQ(first.taken(), Pages{0x2000});
}

}  // namespace
}  // namespace ringside::machine
