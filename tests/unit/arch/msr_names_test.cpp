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

TEST(MsrNames, AreFoundInAnyCaseAndWithoutPrefix) {
    for (const char* name : {"IA32_LSTAR", "ia32_lstar", "LSTAR", "lstar"})
        EXPECT_EQ(msr_index(name), 0xc0000082U) << name;
    EXPECT_EQ(msr_index("kvm_steal_time"), 0x4b564d03U);
    EXPECT_EQ(msr_index("hwcr"), 0xc0010015U);
    for (const char* name : {"", "IA32_", "LSTA", "LSTAR2"})
        EXPECT_EQ(msr_index(name), std::nullopt) << name;
    for (const std::uint32_t index : named_msrs())
        EXPECT_EQ(msr_index(msr_name(index)), index);
}

}  // namespace
}  // namespace ringside::x86
