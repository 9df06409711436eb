#include "vmm/debug/guest/msr_access.h"

#include <array>

namespace ringside::debug {

Result<std::optional<std::uint64_t>> read_msr(machine::VcpuThread& vcpu, std::uint32_t index) {
    return vcpu.call([index](kvm::VcpuPort& port) -> Result<std::optional<std::uint64_t>> {
        std::array msrs{kvm::Msr{index, 0}};
        auto count = TRY(port.read_msrs(msrs));
        return count == 1 ? std::optional(msrs[0].value) : std::nullopt;
    });
}

Result<void> write_msr(machine::VcpuThread& vcpu, std::uint32_t index, std::uint64_t value) {
    return vcpu.call([index, value](kvm::VcpuPort& port) {
        const std::array msrs{kvm::Msr{index, value}};
        return port.write_msrs(msrs);
    });
}

Result<std::vector<CpuidLeaf>> cpuid_leaves(machine::VcpuThread& vcpu) {
    const auto list = TRY(vcpu.call([](kvm::VcpuPort& port) { return port.cpuid(); }));
    std::vector<CpuidLeaf> leaves;
    for (const auto& entry : list) {
        CpuidLeaf leaf{entry.function, std::nullopt, entry.eax, entry.ebx, entry.ecx, entry.edx};
        if (kvm::is_subleaf(entry))
            leaf.subleaf = entry.index;
        leaves.push_back(leaf);
    }
    return leaves;
}

}  // namespace ringside::debug
