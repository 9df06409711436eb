#include "vmm/exit_monitor/hardware_tier.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "vmm/exits/report/statistics_tables.h"

namespace ringside::debug {

namespace {

// On SVM a VMRUN that the processor or KVM refuses ends with a #VMEXIT.
bool refuses_entry(const x86::HardwareExit& exit) {
    return exit.kind == x86::VirtualizationKind::Svm
               ? exit.reason == static_cast<std::uint32_t>(x86::SvmExitCode::Invalid)
               : x86::is_entry_failure(exit);
}

}  // namespace

Result<std::unique_ptr<HardwareTier>> HardwareTier::start(std::span<const pid_t> threads) {
    const auto kind = exits::host_virtualization();
    if (!kind)
        return failure("look for kvm:kvm_exit", "this host's KVM runs on neither Intel VMX nor AMD SVM",
                       "kvm_intel or kvm_amd must be loaded; tests/lab provides emulated machines with them");
    const auto tracefs = TRY(exits::find_tracefs());
    auto tracer = TRY(exits::HardwareTracer::start(threads, tracefs));
    return std::unique_ptr<HardwareTier>(
        new HardwareTier(*kind, std::move(tracer), static_cast<std::uint32_t>(threads.size())));
}

exits::VcpuStatistics HardwareTier::snapshot(VcpuIndex vcpu, std::size_t recent) const {
    auto statistics = tracer_->snapshot(vcpu).statistics;
    if (statistics.recent.size() > recent)
        statistics.recent.erase(statistics.recent.begin(),
                                statistics.recent.end() - static_cast<std::ptrdiff_t>(recent));
    return statistics;
}

// All vCPUs' last exits, in the order of time.
exits::HardwareStatistics HardwareTier::merged() const {
    exits::HardwareStatistics all;
    for (std::uint32_t i = 0; i < vcpus_; ++i) {
        const auto one = tracer_->snapshot(VcpuIndex{i});
        all.statistics.recent.insert(all.statistics.recent.end(), one.statistics.recent.begin(),
                                     one.statistics.recent.end());
        all.exits.insert(all.exits.end(), one.exits.begin(), one.exits.end());
        all.lost += one.lost;
        all.unpaired += one.unpaired;
    }
    std::vector<std::size_t> order(all.exits.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::ranges::stable_sort(order, {}, [&all](std::size_t i) { return all.statistics.recent[i].exited; });
    exits::HardwareStatistics sorted;
    sorted.lost = all.lost;
    sorted.unpaired = all.unpaired;
    for (const std::size_t i : order) {
        sorted.statistics.recent.push_back(all.statistics.recent[i]);
        sorted.exits.push_back(all.exits[i]);
    }
    return sorted;
}

exits::Table HardwareTier::last_table(std::optional<VcpuIndex> vcpu, std::size_t rows,
                                      const exits::Names& names) const {
    const exits::HardwareStatistics statistics = vcpu ? tracer_->snapshot(*vcpu) : merged();
    return exits::last_table(statistics.statistics, source(), rows, names, statistics.exits);
}

void HardwareTier::add_losses(exits::Table& table) const {
    exits::note_hardware_losses(table, merged());
}

exits::Recording HardwareTier::recording(exits::RecordingInfo info) const {
    exits::Recording recording{std::move(info), exits::TickRate{}, {}, true};
    for (std::uint32_t i = 0; i < vcpus_; ++i) {
        auto one = tracer_->snapshot(VcpuIndex{i});
        exits::VcpuRecording vcpu;
        vcpu.vcpu = i;
        vcpu.overwritten = one.statistics.recorded - one.statistics.recent.size();
        vcpu.lost = one.lost;
        vcpu.unpaired = one.unpaired;
        vcpu.hardware = std::move(one.exits);
        vcpu.statistics = std::move(one.statistics);
        recording.vcpus.push_back(std::move(vcpu));
    }
    return recording;
}

exits::Table HardwareTier::inner_table(std::optional<VcpuIndex> vcpu) const {
    if (!tracer_->tells_levels()) {
        exits::Table table;
        table.notes.emplace_back(
            "The exits of a guest's guest (L2) cannot be shown: this kernel has no kvm:kvm_nested_vmexit "
            "and kvm:kvm_nested_vmexit_inject.");
        return table;
    }
    std::vector<exits::VcpuStatistics> by_kvm, by_hypervisor;
    exits::HypervisorEvents all;
    for (std::uint32_t i = 0; i < vcpus_; ++i) {
        if (vcpu && vcpu->value != i)
            continue;
        auto one = tracer_->inner_snapshot(VcpuIndex{i});
        by_kvm.push_back(std::move(one.by_kvm));
        by_hypervisor.push_back(std::move(one.by_hypervisor));
        all += one.events;
    }
    auto table = exits::inner_table(exits::sum(by_kvm), exits::sum(by_hypervisor), all.made,
                                    exits::hardware_source(reasons_));
    exits::note_hypervisor_events(table, all);
    for (std::uint32_t i = 0; i < vcpus_; ++i) {
        if (vcpu && vcpu->value != i)
            continue;
        if (const auto last = last_exit(VcpuIndex{i}); last.from_l2)
            table.notes.push_back(fmt::format(
                "not counted yet, because vCPU {} has not been entered since: {}", i, last.words));
    }
    return table;
}

LastHardwareExit HardwareTier::last_exit(VcpuIndex vcpu) const {
    const auto pending = tracer_->pending(vcpu);
    if (!pending)
        return {};
    const auto& [record, exit] = pending->exit.hardware;
    const std::string qualification = exits::describe_hardware_exit(record, exit);
    LastHardwareExit last;
    last.words = reasons_.name(record.reason) + (qualification.empty() ? "" : ": " + qualification) +
                 std::string(exits::describe_level(pending->exit.level));
    last.exit = exit;
    last.entry_failure = pending->entry_failure;
    last.from_l2 = pending->exit.level != exits::ExitLevel::L1;
    last.entry_failed = refuses_entry(exit);
    if (pending->made) {
        x86::HardwareExit made;
        made.kind = exit.kind;
        made.reason = *pending->made;
        if (!refuses_entry(made))
            last.made = reasons_.name(made.reason);
    }
    return last;
}

}  // namespace ringside::debug
