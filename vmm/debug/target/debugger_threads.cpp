// gdbstub::Threads: each vCPU is a thread; and its registers for whoever looks.

#include <fmt/format.h>

#include "arch/x86_64/cpu_mode.h"
#include "vmm/debug/run_control/thread_ids.h"
#include "vmm/debug/target/debugger.h"
#include "vmm/debug/target/errors.h"
#include "vmm/kvm/vcpu_events.h"

namespace ringside::debug {

using Code = gdbstub::TargetError::Code;

std::vector<gdbstub::ThreadId> Debugger::threads() const {
    std::vector<gdbstub::ThreadId> ids;
    for (std::uint32_t i = 0; i < machine_->vcpu_count(); ++i)
        ids.push_back(thread_of(VcpuIndex{i}));
    return ids;
}

gdbstub::Result<gdbstub::ThreadInfo> Debugger::thread_info(gdbstub::ThreadId thread) {
    const VcpuIndex vcpu = vcpu_of(thread);
    if (vcpu.value >= vcpus_.size())
        return refuse(Code::Invalid, fmt::format("there is no thread {}", thread.value));
    gdbstub::ThreadInfo info{thread, vcpu.value, fmt::format("vCPU {}", vcpu.value), "running"};
    if (!token_)
        return info;
    owner_.on_stop_shown();
    const auto activity = machine_->vcpu(vcpu).call([](kvm::VcpuPort& v) { return kvm::activity(v); });
    x86::ClassSet classes;
    classes.add(x86::RegisterClass::General);
    classes.add(x86::RegisterClass::System);
    const auto state = states_[vcpu.value]->load(*token_, classes);
    if (!activity || !state)
        return refuse(activity ? state.error() : activity.error());
    if (vcpus_[vcpu.value]->dead())
        info.extra = "cannot run on: see `monitor fatal`";
    else if (*activity == kvm::Activity::WaitingForSipi)
        info.extra = "waiting for SIPI";
    else
        info.extra = fmt::format(
            "{}{}, CPL {}{}", (*state)->system.inner.running ? "in its guest (L2), " : "",
            x86::name(x86::cpu_mode(**state)), x86::privilege_level((*state)->general, (*state)->system),
            *activity == kvm::Activity::Halted ? ", halted" : "");
    return info;
}

Result<const x86::CpuState*> Debugger::all_registers(VcpuIndex vcpu) {
    if (!token_)
        return failure("read registers", "the guest is running", "Interrupt it first");
    x86::ClassSet all;
    for (const auto which :
         {x86::RegisterClass::General, x86::RegisterClass::System, x86::RegisterClass::Extended,
          x86::RegisterClass::Debug, x86::RegisterClass::Msrs, x86::RegisterClass::Xcr0})
        all.add(which);
    return states_.at(vcpu.value)->load(*token_, all);
}

}  // namespace ringside::debug
