// Which instructions kernels patch.
#include "vmm/debug/breakpoints/patch_site.h"

#include <gtest/gtest.h>

#include <vector>

namespace ringside::debug {
namespace {

bool patched(const std::vector<unsigned char>& code) {
    return is_patch_site(std::as_bytes(std::span(code)));
}

TEST(PatchSite, NopsOfTheSizesOfAShortAndALongJump) {
    EXPECT_TRUE(patched({0x0f, 0x1f, 0x44, 0x00, 0x00}));
    EXPECT_TRUE(patched({0x66, 0x90, 0x55}));
}

TEST(PatchSite, CallsAndJumpsToAFixedPlace) {
    EXPECT_TRUE(patched({0xe8, 0x3b, 0xe2, 0xd0, 0xff}));
    EXPECT_TRUE(patched({0xe9, 0, 0, 0, 0}));
    EXPECT_TRUE(patched({0xeb, 0xfe}));
}

TEST(PatchSite, NothingElse) {
    EXPECT_FALSE(patched({}));
    EXPECT_FALSE(patched({0x90, 0x90, 0x90, 0x90, 0x90}));
    EXPECT_FALSE(patched({0x55, 0x48, 0x89, 0xe5}));
    EXPECT_FALSE(patched({0x0f, 0x1f, 0x40, 0x00}));
    EXPECT_FALSE(patched({0x0f, 0x1f, 0x44, 0x00}));  // cut short
    EXPECT_FALSE(patched({0xff, 0xd0}));
}

}  // namespace
}  // namespace ringside::debug
