// A vCPU without KVM: a test says what each KVM_RUN does, and reads what was armed, written and injected. Registers
// behave as KVM's do where it matters to a debugger: TF is hidden while single-stepping and dropped when that ends, and
// new registers forget a pending exception.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "vmm/kvm/vcpu_port.h"

namespace ringside::testing {

struct GuestDebug {
    std::uint32_t control = 0;
    std::array<std::uint64_t, 4> slots{};
    std::uint64_t dr7 = 0;

    bool has(std::uint32_t bits) const { return (control & bits) == bits; }
};

class ScriptedVcpu final : public kvm::VcpuPort {
  public:
    explicit ScriptedVcpu(VcpuIndex index = {});

    // What the next KVM_RUNs do, in order. After the last the vCPU runs until it is kicked.
    using Turn = std::function<kvm::RunOutcome(ScriptedVcpu&)>;
    std::deque<Turn> script;
    // What an entry with immediate_exit does: KVM finishes the last exit, which may lead to another.
    std::deque<Turn> during_completion;
    int runs = 0;

    x86::GeneralRegisters registers;  // with TF as the processor has it
    x86::SystemRegisters system_registers;
    x86::DebugRegisters debug_registers;
    kvm_vcpu_events pending{};
    std::uint32_t run_state = KVM_MP_STATE_RUNNABLE;
    std::map<std::uint32_t, std::uint64_t> msrs;
    kvm_lapic_state local_apic{};
    std::vector<GuestDebug> armed;  // each KVM_SET_GUEST_DEBUG
    kvm::NestedState nested;
    // What becomes of a nested state that is set; by default it is taken as it is.
    std::function<Result<void>(const kvm::NestedState&)> on_set_nested;
    int pauses_announced = 0;

    // Fills kvm_run as KVM does; for a Turn, or for a test that calls the handler of an exit itself.
    kvm::RunOutcome debug_exit(std::uint32_t exception, std::uint64_t dr6 = 0, std::uint64_t dr7 = 0x400);
    kvm::RunOutcome port_write(std::uint16_t port, std::uint8_t value);

    // What is armed now, without the bits of one injection.
    GuestDebug now() const { return armed.empty() ? GuestDebug{} : armed.back(); }

    Result<kvm::RunOutcome> run() override;
    Result<x86::GeneralRegisters> general() const override;
    Result<void> set_general(const x86::GeneralRegisters&) override;
    Result<x86::SystemRegisters> system() const override { return system_registers; }
    Result<void> set_system(const x86::SystemRegisters& s) override;
    Result<x86::DebugRegisters> debug() const override { return debug_registers; }
    Result<void> set_debug(const x86::DebugRegisters& d) override;
    Result<kvm::XsaveArea> xsave() const override { return kvm::XsaveArea{}; }
    Result<void> set_xsave(const kvm::XsaveArea&) override { return {}; }
    Result<std::uint64_t> xcr0() const override { return std::uint64_t{1}; }
    Result<void> set_xcr0(std::uint64_t) override { return {}; }
    Result<std::size_t> read_msrs(std::span<kvm::Msr>) const override;
    Result<void> write_msrs(std::span<const kvm::Msr>) override;
    Result<kvm_vcpu_events> events() const override { return pending; }
    Result<void> set_events(const kvm_vcpu_events& e) override;
    Result<std::uint32_t> mp_state() const override { return run_state; }
    Result<void> set_mp_state(std::uint32_t state) override;
    Result<void> set_guest_debug(kvm::DebugControl, std::span<const std::uint64_t, 4>, x86::Dr7 dr7) override;
    Result<void> notify_paused() override;
    Result<bool> has_smap() const override { return false; }
    Result<kvm::NestedState> nested_state() const override { return nested; }
    Result<void> set_nested_state(const kvm::NestedState& state) override {
        if (on_set_nested)
            return on_set_nested(state);
        nested = state;
        return {};
    }
    Result<Fd> statistics() const override { return failure("KVM_GET_STATS_FD", "there is no KVM"); }
    Result<kvm::CpuidList> cpuid() const override { return kvm::CpuidList{}; }
    Result<kvm_lapic_state> lapic() const override { return local_apic; }
    Result<void> set_lapic(const kvm_lapic_state& state) override {
        local_apic = state;
        return {};
    }

  private:
    struct Page;
    explicit ScriptedVcpu(VcpuIndex index, std::shared_ptr<Page> page);
    bool single_steps() const { return now().has(KVM_GUESTDBG_SINGLESTEP); }

    std::shared_ptr<Page> page_;
};

}  // namespace ringside::testing
