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

// The tracepoints in use. The details provide what kvm_exit lacks (an MSR's number, a CPUID leaf, a gpa), and whether an
// exit is the guest's own or its guest's (L2); a kernel may not have them.
struct KvmTracepoints {
    TracepointFormat exit, entry;
    std::vector<TracepointFormat> details;

    // Returns true if exits of a guest's guest can be distinguished from those of the guest.
    bool tell_levels() const;
};
inline constexpr const char* kDetailTracepoints[] = {"kvm_msr",
                                                     "kvm_cpuid",
                                                     "kvm_page_fault",
                                                     "kvm_mmio",
                                                     "kvm_nested_vmexit",
                                                     "kvm_nested_vmexit_inject",
                                                     "kvm_nested_vmenter",
                                                     "kvm_nested_vmenter_failed"};

// The level that made it, and who handles it: an exit of L2 is KVM's, or KVM passes it on to the guest hypervisor (L1).
enum class ExitLevel : std::uint8_t { L1, L2ByKvm, L2ByHypervisor };

struct LevelledExit {
    HardwareRecord hardware;
    ExitLevel level = ExitLevel::L1;
};

// What a guest hypervisor has done and received, apart from its guest's exits.
struct HypervisorEvents {
    // VM entries that KVM accepted, by the guest-physical address of the VMCS or VMCB. Those after the first
    // kMostControls are counted together.
    static constexpr std::size_t kMostControls = 256;
    std::map<std::uint64_t, std::uint64_t> entries;
    std::uint64_t other_entries = 0;
    std::uint64_t failed_entries = 0;  // that KVM itself refused
    // VM exits that KVM makes for L1 without a hardware exit, for example for L1's own interrupts; by reason.
    std::map<std::uint32_t, std::uint64_t> made;

    void count_entry(std::uint64_t control, std::uint64_t count = 1);
    HypervisorEvents& operator+=(const HypervisorEvents& other);
};

// Combines one vCPU's records, in the order in which the kernel wrote them.
class HardwareExitDecoder {
  public:
    explicit HardwareExitDecoder(const KvmTracepoints& tracepoints) : tracepoints_(tracepoints) {}

    // Takes a raw record and its time. Returns an exit once the guest has been entered again after it.
    std::optional<LevelledExit> decode(std::span<const std::byte> raw, std::uint64_t time);
    // The exit after which the guest has not been entered yet.
    const std::optional<LevelledExit>& pending() const { return pending_; }
    // What KVM found wrong with the pending exit's VM entry, in the words of its source; empty if nothing.
    const std::string& entry_failure() const { return entry_failure_; }
    // The reason of a VM exit that KVM has made for L1 since the pending exit, without one of the hardware's, as L1's VMCS or
    // VMCB has it.
    std::optional<std::uint32_t> made() const { return made_; }
    const HypervisorEvents& hypervisor() const { return hypervisor_; }
    void reset_hypervisor() { hypervisor_ = {}; }
    // Records were lost at this point: the pending exit can no longer be paired with an entry.
    void forget();

    // The number of exits without a following entry, and so without a latency. They are counted only here.
    std::uint64_t unpaired() const { return unpaired_; }

  private:
    void begin_exit(std::span<const std::byte> raw, std::uint64_t time);
    void add_detail(const TracepointFormat& format, std::span<const std::byte> raw);
    void add_address(const TracepointFormat& format, std::span<const std::byte> raw);
    void add_nested(const TracepointFormat& format, std::span<const std::byte> raw);
    void forget_handling();
    void add_vm_exit(x86::VirtualizationKind kind, std::uint32_t reason);

    const KvmTracepoints& tracepoints_;
    std::optional<LevelledExit> pending_;
    std::string entry_failure_;
    std::optional<std::uint32_t> made_;
    HypervisorEvents hypervisor_;
    std::optional<std::uint64_t> entered_;
    std::uint64_t unpaired_ = 0;
};

// ", of L2, handled by KVM"; empty for an exit of L1's.
std::string_view describe_level(ExitLevel level);

// A hardware exit's qualification in words, with the MSR or CPUID leaf from other tracepoints.
std::string describe_hardware_exit(const ExitRecord& record, const x86::HardwareExit& exit);

// Names from the running kernel's own table, or from arch's if it does not list one.
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
