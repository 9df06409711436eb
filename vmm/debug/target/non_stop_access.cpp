#include "vmm/debug/target/non_stop_access.h"

#include "vmm/debug/run_control/thread_ids.h"
#include "vmm/debug/target/errors.h"

namespace ringside::debug {

// A recording has the vCPUs take turns, and its past is the whole machine's.
gdbstub::Result<void> NonStopAccess::set_non_stop(bool on) {
    if (on && travel_.recorder().active())
        return refuse(
            gdbstub::TargetError::Code::Invalid,
            "non-stop mode is not available while the guest is recorded: `monitor record off` first");
    if (on && machine_.stop_token() == nullptr)
        return still_running();
    machine_.stops().set_non_stop(on);
    return {};
}

void NonStopAccess::stop(std::span<const gdbstub::ThreadId> threads, gdbstub::StopReason reason) {
    for (const auto thread : threads)
        machine_.stops().interrupt(vcpu_of(thread), reason);
}

std::vector<gdbstub::StopEvent> NonStopAccess::stops() const {
    std::vector<gdbstub::StopEvent> stops;
    for (std::uint32_t i = 0; i < machine_.vcpu_count(); ++i) {
        if (auto stop = machine_.stops().stop_of(VcpuIndex{i}))
            stops.push_back(std::move(*stop));
    }
    return stops;
}

Result<void> check_all_stop(const StopCoordinator& stops, const char* operation) {
    if (!stops.non_stop())
        return {};
    return failure(operation, "in non-stop mode each vCPU runs and stops on its own",
                   "Detach, and attach again after `set non-stop off`");
}

}  // namespace ringside::debug
