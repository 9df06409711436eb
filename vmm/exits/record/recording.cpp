#include "vmm/exits/record/recording.h"

#include <fmt/format.h>

#include <algorithm>

namespace ringside::exits {
namespace {

std::uint64_t recorded(const Recording& recording) {
    std::uint64_t count = 0;
    for (const VcpuRecording& vcpu : recording.vcpus)
        count += vcpu.statistics.recorded + vcpu.dropped + vcpu.overwritten + vcpu.unpaired + vcpu.lost;
    return count;
}

}  // namespace

Recording make_recording(RecordingInfo info, TickRate rate, std::vector<VcpuStatistics> vcpus) {
    Recording recording{std::move(info), rate, {}, true};
    for (VcpuStatistics& statistics : vcpus) {
        VcpuRecording vcpu;
        vcpu.vcpu = static_cast<std::uint32_t>(recording.vcpus.size());
        vcpu.overwritten =
            statistics.recorded - std::min<std::uint64_t>(statistics.recorded, statistics.recent.size());
        vcpu.statistics = std::move(statistics);
        recording.vcpus.push_back(std::move(vcpu));
    }
    return recording;
}

std::vector<std::string> describe_losses(const Recording& recording) {
    std::vector<std::string> lines;
    const auto add = [&lines](std::uint32_t vcpu, std::uint64_t count, const char* what) {
        if (count != 0)
            lines.push_back(fmt::format("vCPU {}: {} {}", vcpu, count, what));
    };
    for (const VcpuRecording& vcpu : recording.vcpus) {
        add(vcpu.vcpu, vcpu.dropped, "exits came faster than they could be written, and are missing");
        add(vcpu.vcpu, vcpu.overwritten, "exits, the first ones, were let go to stay within bounds");
        add(vcpu.vcpu, vcpu.lost, "of the kernel's events were lost: the counts are too low");
        add(vcpu.vcpu, vcpu.unpaired,
            vcpu.unpaired == 1 ? "hardware exit had no following entry: counted here only"
                               : "hardware exits had no following entry: counted here only");
    }
    if (!recording.complete)
        lines.emplace_back("the recording was not closed: its writer was killed, or the file is damaged");
    return lines;
}

std::string describe_missing_hardware(const RunRecording& run) {
    if (!run.userspace.info.missing_hardware.empty())
        return "hardware exits are not seen: " + run.userspace.info.missing_hardware;
    if (!run.userspace.info.hardware)
        return {};
    return describe_silent_tracepoints(recorded(run.userspace), run.hardware ? recorded(*run.hardware) : 0,
                                       run.userspace.vcpus.size());
}

std::string describe_silent_tracepoints(std::uint64_t userspace_exits, std::uint64_t hardware_exits,
                                        std::size_t vcpus) {
    if (hardware_exits != 0 || userspace_exits <= vcpus)
        return {};
    return fmt::format(
        "hardware exits are not seen: {} exits reached userspace, but kvm:kvm_exit fired for none. This "
        "host's KVM does not use its tracepoint; a host with Intel VMX or AMD SVM is needed",
        userspace_exits);
}

}  // namespace ringside::exits
