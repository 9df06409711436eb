#include "arch/x86_64/xsave.h"

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

namespace ringside::x86 {
namespace {

constexpr std::size_t kAreaSize = 4096;
constexpr std::size_t kXstateBv = 512, kXcompBv = 520;

void set_header(std::vector<std::byte>& area, std::size_t offset, std::uint64_t value) {
    std::memcpy(area.data() + offset, &value, sizeof value);
}

std::uint64_t header(const std::vector<std::byte>& area) {
    std::uint64_t value = 0;
    std::memcpy(&value, area.data() + kXstateBv, sizeof value);
    return value;
}

ExtendedState patterned() {
    ExtendedState state;
    for (std::size_t i = 0; i < state.zmm.size(); ++i) {
        for (std::size_t j = 0; j < 64; ++j)
            state.zmm[i][j] = static_cast<std::uint8_t>(i * 64 + j + 1);
    }
    for (std::size_t i = 0; i < 8; ++i)
        state.k[i] = 0x1111111111111111 * (i + 1);
    state.fcw = 0x27f;
    state.fip = 0x123456789abc;
    state.fdp = 0xfedcba987654;
    state.fop = 0x7aa;
    state.mxcsr = 0x1fa0;
    state.pkru = 0x55555554;
    return state;
}

TEST(Xsave, RoundTripsEverything) {
    const ExtendedState state = patterned();
    std::vector<std::byte> area(kAreaSize);
    ASSERT_TRUE(write_xsave(state, kIntelXsaveLayout, area));
    EXPECT_EQ(header(area), 0x2e7u);
    ExtendedState copy;
    ASSERT_TRUE(read_xsave(area, kIntelXsaveLayout, copy));
    EXPECT_EQ(copy, state);
}

TEST(Xsave, PutsComponentsAtTheirOffsets) {
    const ExtendedState state = patterned();
    std::vector<std::byte> area(kAreaSize);
    ASSERT_TRUE(write_xsave(state, kIntelXsaveLayout, area));
    const auto at = [&](std::size_t offset) { return std::to_integer<std::uint8_t>(area[offset]); };
    EXPECT_EQ(at(160 + 16), state.zmm[1][0]) << "xmm1";
    EXPECT_EQ(at(576 + 16), state.zmm[1][16]) << "upper half of ymm1";
    EXPECT_EQ(at(1088 + 8), 0x22) << "k1";
    EXPECT_EQ(at(1152 + 32), state.zmm[1][32]) << "upper half of zmm1";
    EXPECT_EQ(at(1664 + 64), state.zmm[17][0]) << "zmm17";
    EXPECT_EQ(at(2688), 0x54) << "pkru";
}

TEST(Xsave, TakesAbsentComponentsAsInitial) {
    std::vector<std::byte> area(kAreaSize, std::byte{0xee});
    set_header(area, kXstateBv, 0);
    set_header(area, kXcompBv, 0);
    ExtendedState state = patterned();
    ASSERT_TRUE(read_xsave(area, kIntelXsaveLayout, state));
    EXPECT_EQ(state, ExtendedState{});

    set_header(area, kXstateBv, 4);  // AVX without SSE: the upper halves, and MXCSR
    ASSERT_TRUE(read_xsave(area, kIntelXsaveLayout, state));
    EXPECT_EQ(state.zmm[3][0], 0);
    EXPECT_EQ(state.zmm[3][16], 0xee);
    EXPECT_EQ(state.mxcsr, 0xeeeeeeeeu);
}

TEST(Xsave, LeavesUnknownComponentsAlone) {
    std::vector<std::byte> area(kAreaSize);
    set_header(area, kXstateBv, std::uint64_t{1} << 18);
    area[3000] = std::byte{0x77};
    ASSERT_TRUE(write_xsave(patterned(), XsaveLayout{.avx = 576}, area));
    EXPECT_EQ(header(area), (std::uint64_t{1} << 18) | 7);
    EXPECT_EQ(area[3000], std::byte{0x77});
    EXPECT_EQ(area[1088], std::byte{0}) << "the layout has no opmask";
}

TEST(Xsave, NeverLeavesTheArea) {
    std::vector<std::byte> area(kAreaSize);
    set_header(area, kXstateBv, 0x2e7);
    const XsaveLayout hostile{
        .avx = 4000, .opmask = 0xfffffff0, .zmm_hi256 = 100, .hi16_zmm = 4096, .pkru = 4093};
    ExtendedState state;
    ASSERT_TRUE(read_xsave(area, hostile, state));
    EXPECT_EQ(state.k, ExtendedState{}.k);
    ASSERT_TRUE(write_xsave(patterned(), hostile, area));
}

TEST(Xsave, RefusesShortAndCompactedAreas) {
    ExtendedState state = patterned();
    std::vector<std::byte> area(575);
    EXPECT_FALSE(read_xsave(area, kIntelXsaveLayout, state));
    EXPECT_FALSE(write_xsave(state, kIntelXsaveLayout, area));
    area.resize(kAreaSize);
    set_header(area, kXcompBv, std::uint64_t{1} << 63);
    EXPECT_FALSE(read_xsave(area, kIntelXsaveLayout, state));
    EXPECT_EQ(state, patterned());
}

TEST(Fxsave, RoundTripsTheLegacyPart) {
    std::vector<std::byte> area(512, std::byte{0xaa});
    ExtendedState state = patterned();
    ASSERT_TRUE(write_fxsave(state, area));
    EXPECT_EQ(area[28], std::byte{0xaa}) << "MXCSR_MASK stays";
    ExtendedState copy;
    ASSERT_TRUE(read_fxsave(area, copy));
    EXPECT_EQ(copy.fip, state.fip);
    EXPECT_EQ(copy.mxcsr, state.mxcsr);
    EXPECT_EQ(copy.zmm[15][15], state.zmm[15][15]);
    EXPECT_EQ(copy.zmm[15][16], 0);
    EXPECT_FALSE(read_fxsave(std::span(area).first(511), copy));
}

std::array<std::uint8_t, 10> real80(std::uint16_t exponent, std::uint64_t significand) {
    std::array<std::uint8_t, 10> value{};
    std::memcpy(value.data(), &significand, 8);
    std::memcpy(value.data() + 8, &exponent, 2);
    return value;
}

TEST(TagWord, AbridgesToOneBit) {
    EXPECT_EQ(abridge_tags(0xffff), 0);
    EXPECT_EQ(abridge_tags(0x0000), 0xff);
    EXPECT_EQ(abridge_tags(0x3fff), 0x80);  // only R7 valid
    EXPECT_EQ(abridge_tags(0xfffe), 0x01);  // special counts as full
}

TEST(TagWord, ExpandsByValueAndTop) {
    std::array<std::array<std::uint8_t, 10>, 8> st{};
    st[0] = real80(0x3fff, std::uint64_t{1} << 63);  // 1.0
    st[1] = real80(0, 0);                            // 0
    st[2] = real80(0x7fff, std::uint64_t{1} << 63);  // infinity
    // TOP = 5: st0 is R5, st1 R6, st2 R7.
    EXPECT_EQ(expand_tags(0xe0, 5 << 11, st), 0b10'01'00'11'11'11'11'11);
    // TOP = 0: the same values in R0 to R2.
    EXPECT_EQ(expand_tags(0x07, 0, st), 0b11'11'11'11'11'10'01'00);
    EXPECT_EQ(expand_tags(0, 0, st), 0xffff);
    st[0] = real80(0, 1);  // denormal
    EXPECT_EQ(expand_tags(0x01, 0, st), 0xfffe);
}

}  // namespace
}  // namespace ringside::x86
