#include "vmm/debug/target/thread_access.h"

#include <fmt/format.h>

#include "arch/x86_64/control_bits.h"
#include "arch/x86_64/cpu_mode.h"
#include "vmm/debug/run_control/thread_ids.h"
#include "vmm/debug/run_control/vcpu_debugger.h"
#include "vmm/debug/target/errors.h"
#include "vmm/kvm/vcpu_events.h"

namespace ringside::debug {

using Code = gdbstub::TargetError::Code;

namespace {

// For a vCPU that runs its guest's guest: "in its guest (L2), VMCS 0x6000, "; empty for others.
std::string describe_inner_guest(const x86::InnerGuest& inner) {
    if (!inner.running)
        return {};
    const bool vmx = (inner.other.cr4 & x86::cr4::kVmxe) != 0;  // L1's, which has L2 run
    const char* control = inner.tables == x86::InnerGuest::Tables::Unknown ? "VMCS or VMCB"
                          : vmx                                            ? "VMCS"
                                                                           : "VMCB";
    return fmt::format("in its guest (L2), {} 0x{:x}, ", control, inner.control);
}

}  // namespace

std::vector<gdbstub::ThreadId> ThreadAccess::threads() const {
    std::vector<gdbstub::ThreadId> ids;
    for (std::uint32_t i = 0; i < machine_.vcpu_count(); ++i)
        ids.push_back(thread_of(VcpuIndex{i}));
    return ids;
}

gdbstub::Result<gdbstub::ThreadInfo> ThreadAccess::thread_info(gdbstub::ThreadId thread) {
    const VcpuIndex vcpu = vcpu_of(thread);
    if (vcpu.value >= machine_.vcpu_count())
        return refuse(Code::Invalid, fmt::format("there is no thread {}", thread.value));
    gdbstub::ThreadInfo info{thread, vcpu.value, fmt::format("vCPU {}", vcpu.value), "running"};
    if (machine_.stop_token() == nullptr || machine_.runs(vcpu))
        return info;
    owner_.on_stop_shown();
    const auto activity =
        machine_.machine().vcpu(vcpu).call([](kvm::VcpuPort& v) { return kvm::activity(v); });
    const auto state = machine_.load_system(vcpu);
    if (!activity || !state)
        return refuse(activity ? state.error() : activity.error());
    if (machine_.vcpu(vcpu).dead())
        info.extra = "cannot run on: see `monitor fatal`";
    else if (*activity == kvm::Activity::WaitingForSipi)
        info.extra = "waiting for SIPI";
    else
        info.extra = fmt::format("{}{}, CPL {}{}", describe_inner_guest((*state)->system.inner),
                                 x86::name(x86::cpu_mode(**state)),
                                 x86::privilege_level((*state)->general, (*state)->system),
                                 *activity == kvm::Activity::Halted ? ", halted" : "");
    return info;
}

}  // namespace ringside::debug
