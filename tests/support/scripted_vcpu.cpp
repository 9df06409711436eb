#include "tests/support/scripted_vcpu.h"

#include <poll.h>
#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstring>

#include "arch/x86_64/control_bits.h"
#include "vmm/machine/vcpu_thread.h"

namespace ringside::testing {

using x86::rflags::kTf;

struct ScriptedVcpu::Page {
    alignas(4096) kvm_run run{};
    std::array<std::byte, 4096> data{};
};

ScriptedVcpu::ScriptedVcpu(VcpuIndex index) : ScriptedVcpu(index, std::make_shared<Page>()) {}

ScriptedVcpu::ScriptedVcpu(VcpuIndex index, std::shared_ptr<Page> page)
    : VcpuPort(index, &page->run, false), page_(std::move(page)) {}

kvm::RunOutcome ScriptedVcpu::debug_exit(std::uint32_t exception, std::uint64_t dr6, std::uint64_t dr7) {
    shared().exit_reason = KVM_EXIT_DEBUG;
    shared().debug.arch = {.exception = exception, .pad = 0, .pc = registers.rip, .dr6 = dr6, .dr7 = dr7};
    return kvm::RunOutcome::Exit;
}

kvm::RunOutcome ScriptedVcpu::port_write(std::uint16_t port, std::uint8_t value) {
    shared().exit_reason = KVM_EXIT_IO;
    auto& io = shared().io;
    io.direction = KVM_EXIT_IO_OUT;
    io.size = 1;
    io.port = port;
    io.count = 1;
    io.data_offset = offsetof(Page, data);
    page_->data[0] = std::byte{value};
    return kvm::RunOutcome::Exit;
}

// The signal of a kick may come between the check of immediate_exit and the wait: it is blocked until the wait.
Result<kvm::RunOutcome> ScriptedVcpu::run() {
    ++runs;
    sigset_t kick, before;
    sigemptyset(&kick);
    sigaddset(&kick, machine::VcpuThread::kick_signal());
    pthread_sigmask(SIG_BLOCK, &kick, &before);
    auto outcome = kvm::RunOutcome::Interrupted;
    const bool immediate = std::atomic_ref(shared().immediate_exit).load() != 0;
    auto& turns = immediate ? during_completion : script;
    if (!turns.empty()) {
        const Turn turn = std::move(turns.front());
        turns.pop_front();
        outcome = turn(*this);
    } else if (!immediate) {
        ::ppoll(nullptr, 0, nullptr, &before);
    }
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    return outcome;
}

Result<x86::GeneralRegisters> ScriptedVcpu::general() const {
    auto shown = registers;
    if (single_steps())
        shown.rflags &= ~kTf;
    return shown;
}

Result<void> ScriptedVcpu::set_general(const x86::GeneralRegisters& general) {
    registers = general;
    pending.exception.pending = 0;
    return {};
}

Result<void> ScriptedVcpu::set_system(const x86::SystemRegisters& s) {
    system_registers = s;
    return {};
}

Result<void> ScriptedVcpu::set_debug(const x86::DebugRegisters& d) {
    debug_registers = d;
    return {};
}

Result<std::size_t> ScriptedVcpu::read_msrs(std::span<kvm::Msr> wanted) const {
    for (std::size_t i = 0; i < wanted.size(); ++i) {
        const auto it = msrs.find(wanted[i].index);
        if (it == msrs.end())
            return i;
        wanted[i].value = it->second;
    }
    return wanted.size();
}

Result<void> ScriptedVcpu::write_msrs(std::span<const kvm::Msr> values) {
    for (const kvm::Msr& msr : values)
        msrs[msr.index] = msr.value;
    return {};
}

Result<void> ScriptedVcpu::set_events(const kvm_vcpu_events& e) {
    pending = e;
    return {};
}

Result<void> ScriptedVcpu::set_mp_state(std::uint32_t state) {
    run_state = state;
    return {};
}

Result<void> ScriptedVcpu::set_guest_debug(kvm::DebugControl control, std::span<const std::uint64_t, 4> dr,
                                           x86::Dr7 dr7) {
    if (single_steps())
        registers.rflags &= ~kTf;
    GuestDebug request{.control = control.raw(), .slots = {}, .dr7 = dr7.raw()};
    std::ranges::copy(dr, request.slots.begin());
    armed.push_back(request);
    for (const auto& [feature, vector] : {std::pair{kvm::DebugFeature::InjectDebugException, 1},
                                          std::pair{kvm::DebugFeature::InjectBreakpoint, 3}}) {
        if (!control.has(feature))
            continue;
        pending.exception.pending = 1;
        pending.exception.nr = static_cast<__u8>(vector);
    }
    return {};
}

Result<void> ScriptedVcpu::notify_paused() {
    ++pauses_announced;
    return {};
}

}  // namespace ringside::testing
