// The tables that `monitor exits` prints, as pure functions from statistics to a Table. Rows that are zero
// are left out, and the others are sorted by cost. A note says what the rows leave out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>

#include "vmm/exits/hardware/hardware_exits.h"
#include "vmm/exits/record/reasons.h"
#include "vmm/exits/record/statistics.h"
#include "vmm/exits/record/tsc_clock.h"
#include "vmm/exits/report/table.h"

namespace ringside::exits {

// The source of the numbers, and the meaning of their times.
struct Source {
    const Reasons& reasons;
    TickRate rate;
    std::string tier;        // shown as the title: "userspace exits (KVM_EXIT_*)"
    std::string run_label;   // what the time before the exit is: "in KVM_RUN", "in guest"
    std::string exit_label;  // what the time after the exit is: "handled", "exit to entry"
    std::string name;        // in one word: "userspace", "hardware"
};

// The two sources.
Source userspace_source(const Reasons& reasons, TickRate rate);
Source hardware_source(const Reasons& reasons);  // times in nanoseconds

// What names addresses. Each function may be empty, and each may return "" for "unknown".
struct Names {
    std::function<std::string(AddressKind, std::uint64_t)> device;  // of a port or gpa; the name of an MSR
    std::function<std::string(std::uint64_t rip)> symbol;           // "schedule+0x12"
    std::function<std::string(const ExitRecord&)> instruction;      // that caused it: "out dx, al"
    std::function<std::string(const ExitRecord&)> detail;           // replaces describe_access() where not ""
};

// `monitor exits`: count, share and times by reason.
Table summary_table(const VcpuStatistics& statistics, const Source& source);

// `monitor exits l2`: the exits of a guest's guest by reason, and how many KVM and the guest hypervisor handled. `made` are
// VM exits that KVM gave the hypervisor without one of the processor's, by reason.
Table inner_table(const VcpuStatistics& by_kvm, const VcpuStatistics& by_hypervisor,
                  const std::map<std::uint32_t, std::uint64_t>& made, const Source& source);

// Notes the VM entries that a hypervisor made, by its VMCSs or VMCBs.
void note_hypervisor_events(Table& table, const HypervisorEvents& events);

// `monitor exits diff`: what was added since `earlier`.
Table diff_table(const VcpuStatistics& now, const VcpuStatistics& earlier, const Source& source);

// `monitor exits mmio|pio|msr|cpuid`: by address, direction and size.
Table address_table(const VcpuStatistics& statistics, const Source& source, AddressKind kind,
                    const Names& names);

// `monitor exits hist REASON`: the durations after the exit, by powers of two ticks, with a bar.
Table histogram_table(const VcpuStatistics& statistics, const Source& source, std::uint32_t reason);

// `monitor exits last N`: newest last. Times are relative to the first exit shown. `hardware` holds hardware
// exits in full, one for each of statistics.recent.
Table last_table(const VcpuStatistics& statistics, const Source& source, std::size_t limit,
                 const Names& names, std::span<const x86::HardwareExit> hardware = {});

// `monitor exits rip N`: guest addresses by the number of exits that they cause.
Table hot_table(const VcpuStatistics& statistics, const Source& source, std::size_t limit,
                const Names& names);

// The i-th of the last exits in words, as last_table() shows it.
std::string describe_exit(std::span<const ExitRecord> recent, std::size_t i,
                          std::span<const x86::HardwareExit> hardware, const Source& source,
                          const Names& names);

// One access in words: "write 1 byte to port 0x3f8: 0x41".
std::string describe_access(const ExitRecord& exit, AddressKind kind);

// "read", "write", or "" for neither.
const char* direction_name(Direction direction);

// "870 ns", "1.23 us", "45.6 ms", "12.3 s": three digits.
std::string format_duration(double nanoseconds);

}  // namespace ringside::exits
