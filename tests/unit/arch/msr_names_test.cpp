#include "arch/x86_64/msr_names.h"

#include <gtest/gtest.h>

namespace ringside::x86 {
namespace {

TEST(MsrNames, KnownAndUnknown) {
    EXPECT_EQ(msr_name(0x10), "IA32_TIME_STAMP_COUNTER");
    EXPECT_EQ(msr_name(0x1a0), "IA32_MISC_ENABLE");
    EXPECT_EQ(msr_name(0xc0000082), "IA32_LSTAR");
    EXPECT_EQ(msr_name(0xc0011029), "DE_CFG") << "the last";
    EXPECT_EQ(msr_name(0), "");
    EXPECT_EQ(msr_name(0x4b564dfe), "");
    EXPECT_EQ(msr_name(0xffffffff), "");
}

}  // namespace
}  // namespace ringside::x86
