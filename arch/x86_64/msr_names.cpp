#include "arch/x86_64/msr_names.h"

#include <algorithm>
#include <cctype>
#include <iterator>
#include <utility>

namespace ringside::x86 {

namespace {

// What kernels touch, in the order of their numbers.
constexpr std::pair<std::uint32_t, std::string_view> kMsrNames[] = {
    {0x00000010, "IA32_TIME_STAMP_COUNTER"},
    {0x00000017, "IA32_PLATFORM_ID"},
    {0x0000001b, "IA32_APIC_BASE"},
    {0x0000003a, "IA32_FEATURE_CONTROL"},
    {0x0000003b, "IA32_TSC_ADJUST"},
    {0x00000048, "IA32_SPEC_CTRL"},
    {0x00000049, "IA32_PRED_CMD"},
    {0x0000008b, "IA32_BIOS_SIGN_ID"},
    {0x000000ce, "MSR_PLATFORM_INFO"},
    {0x000000e7, "IA32_MPERF"},
    {0x000000e8, "IA32_APERF"},
    {0x000000fe, "IA32_MTRRCAP"},
    {0x0000010a, "IA32_ARCH_CAPABILITIES"},
    {0x0000010b, "IA32_FLUSH_CMD"},
    {0x00000122, "IA32_TSX_CTRL"},
    {0x00000174, "IA32_SYSENTER_CS"},
    {0x00000175, "IA32_SYSENTER_ESP"},
    {0x00000176, "IA32_SYSENTER_EIP"},
    {0x00000179, "IA32_MCG_CAP"},
    {0x0000017a, "IA32_MCG_STATUS"},
    {0x00000186, "IA32_PERFEVTSEL0"},
    {0x000001a0, "IA32_MISC_ENABLE"},
    {0x000001d9, "IA32_DEBUGCTL"},
    {0x00000277, "IA32_PAT"},
    {0x000002ff, "IA32_MTRR_DEF_TYPE"},
    {0x00000345, "IA32_PERF_CAPABILITIES"},
    {0x0000038f, "IA32_PERF_GLOBAL_CTRL"},
    {0x000006e0, "IA32_TSC_DEADLINE"},
    {0x00000802, "IA32_X2APIC_APICID"},
    {0x0000080b, "IA32_X2APIC_EOI"},
    {0x00000830, "IA32_X2APIC_ICR"},
    {0x00000da0, "IA32_XSS"},
    {0x40000000, "HV_X64_MSR_GUEST_OS_ID"},
    {0x40000001, "HV_X64_MSR_HYPERCALL"},
    {0x4b564d00, "MSR_KVM_WALL_CLOCK_NEW"},
    {0x4b564d01, "MSR_KVM_SYSTEM_TIME_NEW"},
    {0x4b564d02, "MSR_KVM_ASYNC_PF_EN"},
    {0x4b564d03, "MSR_KVM_STEAL_TIME"},
    {0x4b564d04, "MSR_KVM_PV_EOI_EN"},
    {0x4b564d05, "MSR_KVM_POLL_CONTROL"},
    {0x4b564d06, "MSR_KVM_ASYNC_PF_INT"},
    {0x4b564d07, "MSR_KVM_ASYNC_PF_ACK"},
    {0xc0000080, "IA32_EFER"},
    {0xc0000081, "IA32_STAR"},
    {0xc0000082, "IA32_LSTAR"},
    {0xc0000083, "IA32_CSTAR"},
    {0xc0000084, "IA32_FMASK"},
    {0xc0000100, "IA32_FS_BASE"},
    {0xc0000101, "IA32_GS_BASE"},
    {0xc0000102, "IA32_KERNEL_GS_BASE"},
    {0xc0000103, "IA32_TSC_AUX"},
    {0xc0010010, "SYSCFG"},
    {0xc0010015, "HWCR"},
    {0xc0010117, "VM_HSAVE_PA"},
    {0xc001011f, "VIRT_SPEC_CTRL"},
    {0xc0011029, "DE_CFG"},
};
static_assert(std::ranges::is_sorted(kMsrNames, {}, [](const auto& entry) { return entry.first; }));

bool equal_without_case(std::string_view a, std::string_view b) {
    return std::ranges::equal(
        a, b, [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

std::string_view without_prefix(std::string_view name) {
    for (const std::string_view prefix : {"IA32_", "MSR_"}) {
        if (name.starts_with(prefix))
            return name.substr(prefix.size());
    }
    return name;
}

}  // namespace

std::optional<std::uint32_t> msr_index(std::string_view name) {
    for (const auto& [index, full] : kMsrNames) {
        if (equal_without_case(name, full) || equal_without_case(name, without_prefix(full)))
            return index;
    }
    return std::nullopt;
}

std::vector<std::uint32_t> named_msrs() {
    std::vector<std::uint32_t> indices;
    for (const auto& entry : kMsrNames)
        indices.push_back(entry.first);
    return indices;
}

std::string_view msr_name(std::uint32_t index) {
    const auto* entry =
        std::ranges::lower_bound(kMsrNames, index, {}, [](const auto& named) { return named.first; });
    return entry != std::end(kMsrNames) && entry->first == index ? entry->second : std::string_view();
}

}  // namespace ringside::x86
