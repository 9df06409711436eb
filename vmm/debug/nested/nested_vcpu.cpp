#include "vmm/debug/nested/nested_vcpu.h"

#include <fmt/format.h>

#include "arch/x86_64/control_bits.h"
#include "arch/x86_64/cpuid_bits.h"
#include "arch/x86_64/second_level.h"
#include "arch/x86_64/vmcb.h"

namespace ringside::debug {

namespace {

// What the vCPU says that it can do; the MSRs are those of the guest's processor.
Result<x86::VmxCapabilities> capabilities(kvm::VcpuPort& port, unsigned physical_address_bits) {
    std::vector<kvm::Msr> msrs;
    for (const auto& [index, member] : x86::vmx_capability_msrs())
        msrs.push_back({index, 0});
    auto count = TRY(port.read_msrs(msrs));
    if (count < msrs.size())
        return failure("read the processor's VMX capabilities",
                       fmt::format("KVM does not offer MSR 0x{:x}", msrs[count].index));
    x86::VmxCapabilities cpu;
    for (std::size_t i = 0; i < msrs.size(); ++i)
        cpu.*x86::vmx_capability_msrs()[i].member = msrs[i].value;
    cpu.physical_address_bits = physical_address_bits;
    auto system = TRY(port.system());
    cpu.in_long_mode = (x86::at_level(system, x86::GuestLevel::L1).efer & x86::efer::kLma) != 0;
    return cpu;
}

// What the vCPU's CPUID says that it can do.
x86::SvmProcessor svm_processor(const kvm::CpuidList& cpuid, unsigned physical_address_bits) {
    x86::SvmProcessor cpu;
    for (const auto& leaf : cpuid) {
        if (leaf.function == x86::cpuid::kFeatures)
            cpu.ecx_1 = leaf.ecx;
        if (leaf.function == x86::cpuid::kExtendedFeatures && leaf.index == 0)
            cpu.ebx_7 = leaf.ebx, cpu.ecx_7 = leaf.ecx;
        if (leaf.function == x86::cpuid::kAmdFeatures)
            cpu.ecx_80000001 = leaf.ecx, cpu.edx_80000001 = leaf.edx;
        if (leaf.function == x86::cpuid::kSvm)
            cpu.edx_8000000a = leaf.edx;
    }
    cpu.physical_address_bits = physical_address_bits;
    return cpu;
}

}  // namespace

void for_each_control(Debugger& debugger, const std::function<void(VcpuIndex, Gpa control)>& each) {
    const machine::StopToken* token = debugger.stop_token();
    if (token == nullptr)
        return;
    x86::ClassSet classes;
    classes.add(x86::RegisterClass::System);
    for (std::uint32_t i = 0; i < debugger.vcpu_count(); ++i) {
        const auto state = debugger.state(VcpuIndex{i}).load(*token, classes);
        if (state && (*state)->system.inner.control != 0)
            each(VcpuIndex{i}, Gpa{(*state)->system.inner.control});
    }
}

Result<kvm::NestedState> nested_state(Debugger& debugger, VcpuIndex vcpu) {
    return debugger.machine().vcpu(vcpu).call([](kvm::VcpuPort& port) { return port.nested_state(); });
}

Result<std::vector<x86::VmcsViolation>> broken_rules(Debugger& debugger, VcpuIndex vcpu,
                                                     const x86::VmcsValues& vmcs) {
    return debugger.machine().vcpu(vcpu).call([&](kvm::VcpuPort& port) {
        return broken_rules(port, debugger.machine().cpu_features().physical_address_bits, vmcs);
    });
}

Result<std::vector<x86::VmcsViolation>> broken_rules(kvm::VcpuPort& port, unsigned physical_address_bits,
                                                     const x86::VmcsValues& vmcs) {
    const auto cpu = TRY(capabilities(port, physical_address_bits));
    return x86::check_vmcs(vmcs, cpu);
}

Result<std::vector<x86::VmcbViolation>> broken_rules(Debugger& debugger, VcpuIndex vcpu,
                                                     std::span<const std::byte> vmcb) {
    return debugger.machine().vcpu(vcpu).call([&](kvm::VcpuPort& port) {
        return broken_rules(port, debugger.machine().cpu_features().physical_address_bits, vmcb);
    });
}

Result<std::vector<x86::VmcbViolation>> broken_rules(kvm::VcpuPort& port, unsigned physical_address_bits,
                                                     std::span<const std::byte> vmcb) {
    const auto cpuid = TRY(port.cpuid());
    return x86::check_vmcb(vmcb, svm_processor(cpuid, physical_address_bits));
}

Result<std::vector<std::byte>> read_control_page(const Debugger& debugger, Gpa address) {
    const auto operation = fmt::format("read the page at gpa 0x{:x}", address.value);
    if (address.value % x86::kVmcbSize != 0)
        return failure(operation, "the address of a VMCS or VMCB is a multiple of 0x1000");
    std::vector<std::byte> image(x86::kVmcbSize);
    const auto count = TRY(debugger.view().read_physical(address, image));
    if (count != image.size())
        return failure(operation, fmt::format("only 0x{:x} bytes of it are RAM", count));
    return image;
}

}  // namespace ringside::debug
