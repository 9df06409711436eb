#include "vmm/machine/cpuid.h"

#include <algorithm>
#include <bit>

#include "arch/x86_64/cpuid_bits.h"

namespace ringside::machine {

namespace {

namespace cpuid = x86::cpuid;

const kvm_cpuid_entry2* find(const std::vector<kvm_cpuid_entry2>& entries, std::uint32_t function,
                             std::uint32_t index = 0) {
    const auto it = std::ranges::find_if(
        entries, [&](const auto& e) { return e.function == function && e.index == index; });
    return it == entries.end() ? nullptr : &*it;
}

x86::XsaveLayout xsave_layout(const std::vector<kvm_cpuid_entry2>& entries) {
    const auto offset = [&](x86::XsaveComponent component) -> std::uint32_t {
        const auto* leaf = find(entries, cpuid::kXsave, static_cast<std::uint32_t>(component));
        return leaf == nullptr || leaf->eax == 0 ? 0 : leaf->ebx;
    };
    using enum x86::XsaveComponent;
    return {offset(Avx), offset(Opmask), offset(ZmmHi256), offset(Hi16Zmm), offset(Pkru)};
}

// Bits that an APIC id needs beyond one vCPU per package.
std::uint32_t id_bits(std::uint32_t vcpus) {
    return static_cast<std::uint32_t>(std::bit_width(vcpus - 1));
}

kvm_cpuid_entry2 topology(std::uint32_t leaf, std::uint32_t subleaf, std::uint32_t apic_id,
                          std::uint32_t vcpus) {
    kvm_cpuid_entry2 e{};
    e.function = leaf;
    e.index = subleaf;
    e.flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX;
    e.edx = apic_id;
    e.ecx = subleaf;
    if (subleaf == 0) {  // one thread per core
        e.eax = 0;
        e.ebx = 1;
        e.ecx |= cpuid::kLevelSmt << cpuid::kLevelTypeShift;
    } else if (subleaf == 1) {
        e.eax = id_bits(vcpus);
        e.ebx = vcpus;
        e.ecx |= cpuid::kLevelCore << cpuid::kLevelTypeShift;
    }
    return e;
}

void adjust_leaf_1(kvm_cpuid_entry2& e, std::uint32_t apic_id, std::uint32_t vcpus, bool tsc_deadline) {
    e.ebx = (e.ebx & 0xffff) | apic_id << 24 | (vcpus & 0xff) << 16;
    e.ecx |= cpuid::kEcxHypervisor;
    if (tsc_deadline)
        e.ecx |= cpuid::kEcxTscDeadline;
    e.edx = vcpus > 1 ? e.edx | cpuid::kEdxHtt : e.edx & ~cpuid::kEdxHtt;
}

}  // namespace

CpuFeatures features(const std::vector<kvm_cpuid_entry2>& entries) {
    CpuFeatures f;
    if (const auto* leaf = find(entries, cpuid::kFeatures)) {
        f.xsave = (leaf->ecx & cpuid::kEcxXsave) != 0;
        f.avx = f.xsave && (leaf->ecx & cpuid::kEcxAvx) != 0;
        f.vmx_or_svm = (leaf->ecx & cpuid::kEcxVmx) != 0;
    }
    if (const auto* leaf = find(entries, cpuid::kAmdFeatures))
        f.vmx_or_svm = f.vmx_or_svm || (leaf->ecx & cpuid::kEcxSvm) != 0;
    if (const auto* leaf = find(entries, cpuid::kExtendedFeatures)) {
        f.avx512 = f.avx && (leaf->ebx & cpuid::kEbxAvx512f) != 0;
        f.pkru = f.xsave && (leaf->ecx & cpuid::kEcxPku) != 0;
    }
    f.xsave_layout = xsave_layout(entries);
    if (const auto* leaf = find(entries, cpuid::kAddressSizes))
        f.physical_address_bits = std::clamp(leaf->eax & cpuid::kEaxPhysicalBits, 32U, 52U);
    return f;
}

std::vector<kvm_cpuid_entry2> vcpu_cpuid(const std::vector<kvm_cpuid_entry2>& host, VcpuIndex vcpu,
                                         std::uint32_t vcpus, bool tsc_deadline) {
    std::vector<kvm_cpuid_entry2> entries;
    entries.reserve(host.size() + 6);
    bool has_topology[2] = {false, false};
    for (kvm_cpuid_entry2 e : host) {
        if (e.function == cpuid::kTopology || e.function == cpuid::kTopologyV2) {
            has_topology[e.function == cpuid::kTopologyV2] = true;
            continue;  // replaced below
        }
        if (e.function == cpuid::kFeatures)
            adjust_leaf_1(e, vcpu.value, vcpus, tsc_deadline);
        if (e.function == cpuid::kAmdTopology) {
            e.eax = vcpu.value;
            e.ebx = (e.ebx & ~0xffU) | (vcpu.value & 0xff);
        }
        entries.push_back(e);
    }
    for (const std::uint32_t leaf : {cpuid::kTopology, cpuid::kTopologyV2}) {
        if (!has_topology[leaf == cpuid::kTopologyV2])
            continue;
        for (std::uint32_t subleaf = 0; subleaf < 3; ++subleaf)
            entries.push_back(topology(leaf, subleaf, vcpu.value, vcpus));
    }
    return entries;
}

}  // namespace ringside::machine
