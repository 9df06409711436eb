#include "vmm/kvm/cpuid_list.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "arch/x86_64/cpuid_bits.h"
#include "vmm/kvm/ioctl.h"
#include "vmm/kvm/vcpu.h"

namespace ringside::kvm {

Result<CpuidList> cpuid_list(int fd, unsigned long request, const char* name) {
    // KVM fails with E2BIG when the array is too small; no host has come near 256 entries.
    constexpr std::uint32_t kEntries = 256;
    // Linux 6.1's KVM_GET_CPUID2 succeeds without saying how many entries it has filled in. No leaf has this number.
    constexpr std::uint32_t kNotFilledIn = 0xffffffff;
    kvm_cpuid_entry2 empty{};
    empty.function = kNotFilledIn;
    CpuidList entries(kEntries, empty);
    std::vector<std::byte> buffer(sizeof(kvm_cpuid2) + kEntries * sizeof(kvm_cpuid_entry2));
    kvm_cpuid2 header{};
    header.nent = kEntries;
    std::memcpy(buffer.data(), &header, sizeof header);
    std::memcpy(buffer.data() + sizeof header, entries.data(), kEntries * sizeof(kvm_cpuid_entry2));
    TRY(call(fd, request, buffer.data(), name));
    std::memcpy(&header, buffer.data(), sizeof header);
    entries.resize(std::min(header.nent, kEntries));
    std::memcpy(entries.data(), buffer.data() + sizeof header, entries.size() * sizeof(kvm_cpuid_entry2));
    std::erase_if(entries, [](const auto& entry) { return entry.function == kNotFilledIn; });
    return entries;
}

Result<CpuidList> Vcpu::cpuid() const {
    return cpuid_list(fd(), KVM_GET_CPUID2, "KVM_GET_CPUID2");
}

Result<bool> Vcpu::has_smap() const {
    return cpuid().map([](const CpuidList& entries) {
        return std::ranges::any_of(entries, [](const kvm_cpuid_entry2& entry) {
            return entry.function == x86::cpuid::kExtendedFeatures && entry.index == 0 &&
                   (entry.ebx & x86::cpuid::kEbxSmap) != 0;
        });
    });
}

}  // namespace ringside::kvm
