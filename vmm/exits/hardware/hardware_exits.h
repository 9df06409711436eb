// Assembles hardware exits from raw tracepoint records. Pure: no file, no thread, no clock.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "arch/x86_64/exit_reasons.h"
#include "vmm/exits/hardware/tracepoint_format.h"
#include "vmm/exits/record/exit_record.h"
#include "vmm/exits/record/packed_exit.h"
#include "vmm/exits/record/reasons.h"
#include "vmm/exits/record/recording.h"

namespace ringside::exits {

// The tracepoints in use. The last four provide what kvm_exit lacks (an MSR's number, a CPUID leaf, a gpa); a
// kernel may not have them.
struct KvmTracepoints {
    TracepointFormat exit, entry;
    std::vector<TracepointFormat> details;
};
inline constexpr const char* kDetailTracepoints[] = {"kvm_msr", "kvm_cpuid", "kvm_page_fault", "kvm_mmio"};

// Combines one vCPU's records, in the order in which the kernel wrote them.
class HardwareExitDecoder {
  public:
    explicit HardwareExitDecoder(const KvmTracepoints& tracepoints) : tracepoints_(tracepoints) {}

    // Takes a raw record and its time. Returns an exit once the guest has been entered again after it.
    std::optional<HardwareRecord> decode(std::span<const std::byte> raw, std::uint64_t time);
    // The exit after which the guest has not been entered yet.
    const std::optional<HardwareRecord>& pending() const { return pending_; }
    // Records were lost at this point: the pending exit can no longer be paired with an entry.
    void forget();

    // The number of exits without a following entry, and so without a latency. They are counted only here.
    std::uint64_t unpaired() const { return unpaired_; }

  private:
    void begin_exit(std::span<const std::byte> raw, std::uint64_t time);
    void add_detail(const TracepointFormat& format, std::span<const std::byte> raw);

    const KvmTracepoints& tracepoints_;
    std::optional<HardwareRecord> pending_;
    std::optional<std::uint64_t> entered_;
    std::uint64_t unpaired_ = 0;
};

// A hardware exit's qualification in words, with the MSR or CPUID leaf from other tracepoints.
std::string describe_hardware_exit(const ExitRecord& record, const x86::HardwareExit& exit);

// Names from the running kernel's own table, or from arch's for what that does not list.
class TracepointReasons : public HardwareReasons {
  public:
    TracepointReasons(x86::VirtualizationKind kind, const TracepointFormat& exit);
    // Names from a recording.
    explicit TracepointReasons(HardwareDescription description)
        : HardwareReasons(description.kind), names_(std::move(description.names)) {}
    HardwareDescription description() const { return {kind(), names_}; }
    std::string name(std::uint32_t reason) const override;
    std::optional<std::uint32_t> find(std::string_view name) const override;

  private:
    std::map<std::uint32_t, std::string> names_;
};

}  // namespace ringside::exits
