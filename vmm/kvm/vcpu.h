// A vCPU of KVM: one ioctl, one function, with every register class as a value of arch's types.
#pragma once

#include <vector>

#include "vmm/kvm/vcpu_port.h"

namespace ringside::kvm {

class Vcpu final : public VcpuPort {
  public:
    static Result<Vcpu> adopt(Fd fd, VcpuIndex index, std::size_t mapping_size, int sync_regs);

    int fd() const { return fd_.get(); }

    Result<RunOutcome> run() override;
    Result<x86::GeneralRegisters> general() const override;
    Result<void> set_general(const x86::GeneralRegisters&) override;
    Result<x86::SystemRegisters> system() const override;
    Result<void> set_system(const x86::SystemRegisters&) override;
    Result<x86::DebugRegisters> debug() const override;
    Result<void> set_debug(const x86::DebugRegisters&) override;
    Result<XsaveArea> xsave() const override;
    Result<void> set_xsave(const XsaveArea&) override;
    Result<std::uint64_t> xcr0() const override;
    Result<void> set_xcr0(std::uint64_t) override;
    Result<std::size_t> read_msrs(std::span<Msr> msrs) const override;
    Result<void> write_msrs(std::span<const Msr> msrs) override;
    Result<kvm_vcpu_events> events() const override;
    Result<void> set_events(const kvm_vcpu_events&) override;
    Result<std::uint32_t> mp_state() const override;
    Result<void> set_mp_state(std::uint32_t) override;
    Result<void> set_guest_debug(DebugControl control, std::span<const std::uint64_t, 4> dr,
                                 x86::Dr7 dr7) override;
    Result<void> notify_paused() override;
    Result<bool> has_smap() const override;
    Result<NestedState> nested_state() const override;
    Result<void> set_nested_state(const NestedState&) override;
    Result<Fd> statistics() const override;
    Result<CpuidList> cpuid() const override;
    Result<kvm_lapic_state> lapic() const override;
    Result<void> set_lapic(const kvm_lapic_state&) override;

    // Before the vCPU is first run.
    Result<void> set_cpuid(std::span<const kvm_cpuid_entry2>) const;

  private:
    Vcpu(Fd fd, VcpuIndex index, Mapping mapping, bool synced)
        : VcpuPort(index, static_cast<kvm_run*>(mapping.get()), synced),
          fd_(std::move(fd)),
          mapping_(std::move(mapping)) {}

    // The ioctls see what set_general_at_entry() has left for the next entry.
    Result<void> settle() const;
    template <typename T>
    Result<T> get(unsigned long request, const char* name) const;
    template <typename T>
    Result<void> set(unsigned long request, const T& value, const char* name) const;

    Fd fd_;
    Mapping mapping_;
};

}  // namespace ringside::kvm
