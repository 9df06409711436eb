#include "vmm/debug/linux/kernel/btf.h"

#include "tests/unit/vmm/debug/linux/linux_test.h"

namespace ringside::debug {
namespace {

// struct inner { long a; struct { int b; int flags:5, level:3; }; };
// struct outer { char name[16]; const inner_t in; struct outer *next; };
class BtfTest : public ::testing::Test {
  protected:
    BtfTest() {
        const auto byte = builder.integer(1), word = builder.integer(4), wide = builder.integer(8);
        const auto nameless =
            builder.structure("", 8, {{"b", word, 0}, {"flags", word, 4, 0, 5}, {"level", word, 4, 5, 3}});
        const auto inner = builder.structure("inner", 16, {{"a", wide, 0}, {"", nameless, 8}});
        const auto alias = builder.qualified(builder.alias("inner_t", inner));
        builder.structure("outer", 40,
                          {{"name", builder.array(byte, 16), 0}, {"in", alias, 16}, {"next", 0, 32}});
    }
    BtfBuilder builder;
};

TEST_F(BtfTest, MembersAreFoundInNamelessOnesToo) {
    const auto btf = Btf::parse(builder.bytes());
    ASSERT_TRUE(btf) << btf.error().message();
    EXPECT_EQ(btf->size_of("outer"), 40U);
    EXPECT_EQ(btf->field("inner", "b")->offset, 8U);
    EXPECT_EQ(btf->field("inner", "b")->size, 4U);
    EXPECT_EQ(btf->field("outer", "in.b")->offset, 24U);
    EXPECT_EQ(btf->field("outer", "in")->size, 16U);
    EXPECT_EQ(btf->field("outer", "name")->size, 16U);
    EXPECT_EQ(btf->field("outer", "name")->length, 16U);
    EXPECT_FALSE(btf->field("outer", "in.c"));
    EXPECT_FALSE(btf->field("outer", "next.name")) << "void has no members";
    EXPECT_FALSE(btf->field("outer", "in."));
    EXPECT_FALSE(btf->field("outer", ""));
    EXPECT_FALSE(btf->field("nothing", "a"));
    EXPECT_FALSE(btf->size_of("nothing"));
}

TEST_F(BtfTest, BitFieldsHaveTheirBits) {
    const auto btf = Btf::parse(builder.bytes());
    const auto level = btf->field("outer", "in.level");
    ASSERT_TRUE(level);
    EXPECT_EQ(level->offset, 28U);
    EXPECT_EQ(level->first_bit, 5U);
    EXPECT_EQ(level->bits, 3U);
}

TEST_F(BtfTest, OfTwoStructuresOfANameTheOneThatHasTheMemberCounts) {
    const auto word = builder.integer(4);
    builder.structure("inner", 4, {{"other", word, 0}});
    const auto btf = Btf::parse(builder.bytes());
    EXPECT_EQ(btf->field("inner", "other")->offset, 0U);
    EXPECT_EQ(btf->field("inner", "b")->offset, 8U);
}

TEST_F(BtfTest, WhatIsCutOffAnywhereIsAnError) {
    const auto whole = builder.bytes();
    for (std::size_t size = 0; size < whole.size(); ++size)
        EXPECT_FALSE(Btf::parse({whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)})) << size;
}

TEST_F(BtfTest, AnyBytesEnd) {
    const auto whole = builder.bytes();
    for (std::size_t at = 0; at < whole.size(); ++at) {
        for (const unsigned value : {0x00U, 0x04U, 0x7fU, 0xffU}) {
            auto bad = whole;
            bad[at] = static_cast<std::byte>(value);
            if (const auto btf = Btf::parse(std::move(bad))) {
                (void)btf->field("outer", "in.level");
                (void)btf->field("inner", "b");
                (void)btf->size_of("outer");
            }
        }
    }
}

TEST(Btf, TypesThatReferToThemselvesEnd) {
    BtfBuilder builder;
    const auto alias = builder.alias("loop", 1);                               // a typedef of itself
    const auto array = builder.array(2, 2);                                    // an array of itself
    const auto nest = builder.structure("nest", 8, {{"", 3, 0}, {"", 3, 0}});  // twice in itself
    builder.structure("user", 8, {{"a", alias, 0}, {"b", array, 0}, {"c", nest, 0}});
    const auto btf = Btf::parse(builder.bytes());
    ASSERT_TRUE(btf) << btf.error().message();
    EXPECT_FALSE(btf->field("nest", "missing"));
    EXPECT_EQ(btf->field("user", "a")->size, 0U);
    EXPECT_TRUE(btf->field("user", "b"));
    EXPECT_FALSE(btf->field("user", "a.x"));
    EXPECT_FALSE(btf->field("user", "c.x"));
}

TEST(Btf, AnUnknownKindIsNamed) {
    BtfBuilder builder;
    builder.type("", 25, 0, 0, {});
    EXPECT_EQ(Btf::parse(builder.bytes()).error().reason, "type 1 is of the unknown kind 25");
}

}  // namespace
}  // namespace ringside::debug
