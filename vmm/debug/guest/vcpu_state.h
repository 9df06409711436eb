// The registers of one parked vCPU, fetched class by class on first use.
//
// Threading: cache() is for the vCPU's own thread as it parks. Everything else is for the server's thread,
// with a StopToken.
#pragma once

#include <cstdint>

#include "arch/x86_64/cpu_state.h"
#include "arch/x86_64/registers.h"
#include "vmm/machine/machine.h"

namespace ringside::debug {

// x87, SSE, AVX and so on; on the vCPU's thread.
Result<x86::ExtendedState> read_extended(const kvm::VcpuPort& vcpu, const machine::CpuFeatures& features);

class VcpuState {
  public:
    VcpuState(machine::VcpuThread& thread, const machine::CpuFeatures& features)
        : thread_(thread), features_(features) {}

    // Forgets everything and stores, or fetches, the general and system registers: with them a stop
    // reply, a backtrace and memory reads need no further trip to the vCPU's thread.
    void cache(const x86::GeneralRegisters& general, const x86::SystemRegisters& system);
    void cache();
    // The state if its general and system registers are cached, otherwise nullptr; for the vCPU's thread as it
    // resumes.
    const x86::CpuState* cached() const;

    // The state with at least the given classes filled in.
    Result<const x86::CpuState*> load(const machine::StopToken&, x86::ClassSet classes);
    // Writes the given classes to the vCPU. After an error the cache is fetched again.
    Result<void> store(const machine::StopToken&, x86::ClassSet classes, const x86::CpuState& state);

    // Other code has changed the vCPU: everything is fetched again on first use.
    void forget() { loaded_ = {}; }

    // Returns false if a register's value is unknown: an MSR that this host does not offer. Valid after its
    // class was loaded.
    bool known(const x86::RegisterInfo& info) const;

  private:
    Result<void> fetch(kvm::VcpuPort& vcpu, x86::RegisterClass which);
    Result<void> put(kvm::VcpuPort& vcpu, x86::RegisterClass which, const x86::CpuState& state);
    Result<void> fetch_msrs(kvm::VcpuPort& vcpu);
    Result<void> put_msrs(kvm::VcpuPort& vcpu, const x86::CpuState& state);
    Result<void> put_extended(kvm::VcpuPort& vcpu, const x86::CpuState& state);

    machine::VcpuThread& thread_;
    const machine::CpuFeatures& features_;
    x86::CpuState state_;
    x86::ClassSet loaded_;
    std::uint32_t unknown_msrs_ = 0;  // a bit for each row of the MSR table
};

}  // namespace ringside::debug
