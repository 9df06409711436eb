#include "vmm/debug/run_control/state_watch.h"

#include <utility>

#include "vmm/debug/run_control/exit_registers.h"

namespace ringside::debug {

void StateWatch::set(std::vector<StateJudge*> judges, std::size_t vcpus) {
    judges_ = std::move(judges);
    seen_.assign(vcpus, Seen{});
}

void StateWatch::begin(VcpuIndex vcpu, const ExitRegisters& at) {
    if (!empty())
        seen_[vcpu.value] = {at.general.rip, at.system};
}

std::string StateWatch::look(VcpuIndex vcpu, const ExitRegisters& at, bool halts_next) {
    std::string words;
    if (empty())
        return words;
    const Seen before = std::exchange(seen_[vcpu.value], Seen{at.general.rip, at.system});
    const WatchedStep step{before.rip, before.system, at.system, halts_next, at.general.rip};
    for (StateJudge* judge : judges_)
        words += judge->judge(vcpu, step).value_or("");
    return words;
}

}  // namespace ringside::debug
