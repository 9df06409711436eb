#include "vmm/exits/record/reasons.h"

#include <gtest/gtest.h>

namespace ringside::exits {
namespace {

TEST(KvmReasons, NamesAndUnknownNumbers) {
    const KvmReasons reasons;
    EXPECT_EQ(reasons.name(2), "IO");
    EXPECT_EQ(reasons.name(kReasonInterrupted), "INTERRUPTED");
    EXPECT_EQ(reasons.name(0x1234), "0x1234");
}

TEST(KvmReasons, FindsNamesInAnyCaseAndNumbers) {
    const KvmReasons reasons;
    EXPECT_EQ(reasons.find("mmio"), 6U);
    EXPECT_EQ(reasons.find("X86_RDMSR"), 29U);
    EXPECT_EQ(reasons.find("0x1234"), 0x1234U);
    EXPECT_EQ(reasons.find("39"), 39U);
    EXPECT_FALSE(reasons.find("NO_SUCH"));
    EXPECT_FALSE(reasons.find(""));
    EXPECT_FALSE(reasons.find("0x100000000"));
}

TEST(KvmReasons, EveryNameIsFoundAgain) {
    const KvmReasons reasons;
    for (std::uint32_t reason = 0; reason < 64; ++reason)
        EXPECT_EQ(reasons.find(reasons.name(reason)), reason);
}

TEST(KvmReasons, KnowsWhatTheAddressIs) {
    const KvmReasons reasons;
    EXPECT_EQ(reasons.address_kind(2), AddressKind::Port);
    EXPECT_EQ(reasons.address_kind(6), AddressKind::Memory);
    EXPECT_EQ(reasons.address_kind(29), AddressKind::Msr);
    EXPECT_EQ(reasons.address_kind(30), AddressKind::Msr);
    EXPECT_EQ(reasons.address_kind(5), AddressKind::None);
}

TEST(KvmReasons, AnAccessAHaltAndAStopAreOfOneKindEach) {
    const KvmReasons reasons;
    for (const char* name : {"IO", "MMIO", "X86_RDMSR", "X86_WRMSR", "HLT", "DEBUG", "SHUTDOWN",
                             "INTERNAL_ERROR", "FAIL_ENTRY", "INTR", "INTERRUPTED"}) {
        const std::string_view text = name;
        const std::uint32_t reason = *reasons.find(text);
        EXPECT_EQ(is_access(reason), text == "IO" || text == "MMIO" || text.starts_with("X86_")) << text;
        EXPECT_EQ(is_halt(reason), text == "HLT") << text;
        EXPECT_EQ(is_stop(reason),
                  text == "DEBUG" || text == "SHUTDOWN" || text == "INTERNAL_ERROR" || text == "FAIL_ENTRY")
            << text;
    }
}

TEST(HardwareReasons, VmxAndSvmHaveTheirOwnNumbers) {
    const HardwareReasons vmx(x86::VirtualizationKind::Vmx);
    const HardwareReasons svm(x86::VirtualizationKind::Svm);
    EXPECT_EQ(vmx.name(10), "CPUID");
    EXPECT_EQ(svm.name(0x72), "CPUID");
    EXPECT_EQ(vmx.find("cpuid"), 10U);
    EXPECT_EQ(svm.find("cpuid"), 0x72U);
    EXPECT_EQ(vmx.address_kind(48), AddressKind::Memory);
    EXPECT_EQ(svm.address_kind(0x400), AddressKind::Memory);
    EXPECT_EQ(vmx.address_kind(10), AddressKind::CpuidLeaf);
    EXPECT_EQ(svm.address_kind(0x7b), AddressKind::Port);
}

}  // namespace
}  // namespace ringside::exits
