#include "vmm/exits/recording.h"

#include <fmt/format.h>

#include <algorithm>

namespace ringside::exits {

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
    for (const VcpuRecording& vcpu : recording.vcpus) {
        if (vcpu.dropped != 0)
            lines.push_back(
                fmt::format("vCPU {}: {} exits came faster than they could be written, and are missing",
                            vcpu.vcpu, vcpu.dropped));
        if (vcpu.overwritten != 0)
            lines.push_back(fmt::format("vCPU {}: the first {} exits were let go to stay within bounds",
                                        vcpu.vcpu, vcpu.overwritten));
    }
    if (!recording.complete)
        lines.emplace_back("the recording was not closed: its writer was killed, or the file is damaged");
    return lines;
}

}  // namespace ringside::exits
