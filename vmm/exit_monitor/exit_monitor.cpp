#include "vmm/exit_monitor/exit_monitor.h"

#include <fmt/chrono.h>

#include <ctime>

namespace ringside::debug {

namespace {

std::vector<exits::VcpuRecorder*> recorders_of(machine::Machine& machine) {
    std::vector<exits::VcpuRecorder*> recorders;
    for (std::uint32_t i = 0; i < machine.vcpu_count(); ++i)
        recorders.push_back(&machine.vcpu(VcpuIndex{i}).recorder());
    return recorders;
}

}  // namespace

ExitMonitor::ExitMonitor(Debugger& debugger, std::string kernel, const std::string& symbols)
    : debugger_(debugger),
      kernel_(std::move(kernel)),
      names_(debugger, symbols.empty() ? kernel_ : symbols),
      started_(fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr)))) {
    tiers_.push_back(std::make_unique<UserspaceTier>(recorders_of(debugger.machine()), clock_));
}

void ExitMonitor::machine_started() {
    std::vector<pid_t> threads;
    machine::Machine& machine = debugger_.machine();
    for (std::uint32_t i = 0; i < machine.vcpu_count(); ++i) {
        machine::VcpuThread& thread = machine.vcpu(VcpuIndex{i});
        threads.push_back(thread.call([&thread](kvm::VcpuPort&) { return thread.tid(); }));
    }
    if (auto tier = HardwareTier::start(threads)) {
        hardware_ = tier->get();
        tiers_.push_back(std::move(*tier));
    } else {
        missing_hardware_tier_ = tier.error().message();
    }
    if (on_started_)
        on_started_();
}

LastHardwareExit ExitMonitor::last_hardware_exit(VcpuIndex vcpu) const {
    return hardware_ != nullptr ? hardware_->last_exit(vcpu) : LastHardwareExit{};
}

Result<x86::HardwareExit> ExitMonitor::last_exit_information(VcpuIndex vcpu) const {
    const std::string operation = "read the last hardware exit";
    if (hardware_ == nullptr)
        return failure(operation, "hardware exits are not seen: " + missing_hardware_tier_);
    const auto exit = last_hardware_exit(vcpu).exit;
    if (!exit)
        return failure(operation, "the vCPU has made none yet, or has been entered since");
    return *exit;
}

bool ExitMonitor::mark_resume() {
    if (!std::exchange(shown_, false))
        return false;
    for (const auto& tier : tiers_)
        tier->mark();
    return true;
}

std::uint32_t ExitMonitor::vcpu_count() const {
    return static_cast<std::uint32_t>(debugger_.machine().vcpu_count());
}

Result<std::vector<exits::KvmStatistics>> ExitMonitor::kernel_statistics() {
    std::vector<exits::KvmStatistics> all;
    const auto add = [&all](const Result<Fd>& file) -> Result<void> {
        if (!file)
            return tl::unexpected<Error>(file.error());
        auto statistics = TRY(exits::read_kvm_statistics(file->get()));
        all.push_back(std::move(statistics));
        return {};
    };
    machine::Machine& machine = debugger_.machine();
    TRY(add(machine.vm().statistics()));
    for (std::uint32_t i = 0; i < machine.vcpu_count(); ++i) {
        const auto file =
            machine.vcpu(VcpuIndex{i}).call([](kvm::VcpuPort& vcpu) { return vcpu.statistics(); });
        TRY(add(file));
    }
    return all;
}

exits::RecordingInfo ExitMonitor::recording_info() const {
    exits::RecordingInfo info{kernel_, started_, clock_.start().ticks, names_.slide()};
    if (hardware_ != nullptr)
        info.hardware = hardware_->description();
    info.missing_hardware = missing_hardware_tier_;
    return info;
}

exits::RunRecording ExitMonitor::recording() const {
    exits::RunRecording run;
    run.userspace = exits::make_recording(recording_info(), clock_.rate(), userspace().statistics_of_each());
    if (hardware_ != nullptr) {
        auto info = recording_info();
        info.origin = clock_.start().nanoseconds;  // the same moment on the clock of the kernel's events
        run.hardware = hardware_->recording(std::move(info));
    }
    return run;
}

}  // namespace ringside::debug
