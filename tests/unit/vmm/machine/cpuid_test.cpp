#include "vmm/machine/cpuid.h"

#include <algorithm>

#include <gtest/gtest.h>

namespace ringside::machine {
namespace {

using Entries = std::vector<kvm_cpuid_entry2>;

kvm_cpuid_entry2 entry(std::uint32_t function, std::uint32_t index, std::uint32_t eax, std::uint32_t ebx,
                       std::uint32_t ecx, std::uint32_t edx) {
    kvm_cpuid_entry2 e{};
    e.function = function;
    e.index = index;
    e.eax = eax, e.ebx = ebx, e.ecx = ecx, e.edx = edx;
    return e;
}

const kvm_cpuid_entry2* find(const Entries& entries, std::uint32_t function, std::uint32_t index = 0) {
    const auto it = std::ranges::find_if(
        entries, [&](const auto& e) { return e.function == function && e.index == index; });
    return it == entries.end() ? nullptr : &*it;
}

const Entries kHost{
    entry(1, 0, 0x800f12, 0x07100800, 0x16f8220b | 1U << 26 | 1U << 28, 0x178bfbff | 1U << 28),
    entry(7, 0, 0, 1U << 16, 1U << 3, 0),
    entry(0xb, 0, 1, 2, 0x100, 7),
    entry(0xd, 2, 256, 576, 0, 0),
    entry(0xd, 9, 8, 2432, 0, 0),
    entry(0x40000000, 0, 0x40000001, 0x4b4d564b, 0x564b4d56, 0x4d),
    entry(0x80000008, 0, 0x3030, 0, 0, 0),
    entry(0x8000001e, 0, 7, 0x107, 0, 0),
};

TEST(Cpuid, EachVcpuHasItsOwnApicIdEverywhere) {
    const auto entries = vcpu_cpuid(kHost, VcpuIndex{2}, 4, true);
    EXPECT_EQ(find(entries, 1)->ebx >> 24, 2U);
    EXPECT_EQ(find(entries, 1)->ebx >> 16 & 0xff, 4U);
    EXPECT_EQ(find(entries, 1)->ebx & 0xffff, 0x0800U) << "the rest of EBX is the host's";
    for (const std::uint32_t subleaf : {0U, 1U, 2U})
        EXPECT_EQ(find(entries, 0xb, subleaf)->edx, 2U) << subleaf;
    EXPECT_EQ(find(entries, 0x8000001e)->eax, 2U);
    EXPECT_EQ(find(entries, 0x8000001e)->ebx, 0x102U);
}

TEST(Cpuid, TheTopologyHasAnSmtAndACoreLevel) {
    const auto entries = vcpu_cpuid(kHost, VcpuIndex{0}, 5, false);
    EXPECT_EQ(find(entries, 0xb, 0)->ecx, 0x100U);
    EXPECT_EQ(find(entries, 0xb, 1)->ecx, 0x201U);
    EXPECT_EQ(find(entries, 0xb, 1)->ebx, 5U);
    EXPECT_EQ(find(entries, 0xb, 1)->eax, 3U) << "five ids need three bits";
    EXPECT_EQ(find(entries, 0xb, 2)->ebx, 0U) << "the list ends with an empty level";
    EXPECT_EQ(find(entries, 0x1f), nullptr) << "a leaf that the host lacks is not made up";
}

TEST(Cpuid, HyperThreadingIsShownForSeveralVcpusOnly) {
    EXPECT_EQ(find(vcpu_cpuid(kHost, VcpuIndex{0}, 1, false), 1)->edx >> 28 & 1, 0U);
    EXPECT_EQ(find(vcpu_cpuid(kHost, VcpuIndex{0}, 2, false), 1)->edx >> 28 & 1, 1U);
}

TEST(Cpuid, TheHypervisorIsShownAndItsLeavesAreKept) {
    const auto entries = vcpu_cpuid(kHost, VcpuIndex{0}, 1, true);
    EXPECT_EQ(find(entries, 1)->ecx >> 31, 1U);
    EXPECT_EQ(find(entries, 1)->ecx >> 24 & 1, 1U) << "TSC-deadline timer";
    EXPECT_EQ(find(entries, 0x40000000)->ebx, 0x4b4d564bU);
}

TEST(Cpuid, FeaturesAndTheXsaveLayoutAreRead) {
    const auto f = features(kHost);
    EXPECT_TRUE(f.xsave && f.avx && f.avx512 && f.pkru);
    EXPECT_EQ(f.physical_address_bits, 48U);
    EXPECT_EQ(f.xsave_layout.avx, 576U);
    EXPECT_EQ(f.xsave_layout.pkru, 2432U) << "where this processor has it, not where Intel's do";
    EXPECT_EQ(f.xsave_layout.opmask, 0U) << "no such component";
}

TEST(Cpuid, AGuestCanBeAHypervisorWithVmxOrWithSvm) {
    EXPECT_FALSE(features(kHost).vmx_or_svm);
    EXPECT_TRUE(features({entry(1, 0, 0, 0, 1U << 5, 0)}).vmx_or_svm);
    EXPECT_TRUE(features({entry(0x80000001, 0, 0, 0, 1U << 2, 0)}).vmx_or_svm);
}

TEST(Cpuid, AnEmptyListHasNoFeatures) {
    const auto f = features({});
    EXPECT_FALSE(f.xsave || f.avx || f.avx512 || f.pkru || f.vmx_or_svm);
}

}  // namespace
}  // namespace ringside::machine
