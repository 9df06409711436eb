// The write-protected pages of watchpoints that have no debug slot: the guest runs at full speed, and only a write to one of
// these pages is stepped (guarded_run.h). Decides if that is right for the watchpoints as they are, and keeps why it is not.
//
// A watchpoint of a client is on a linear address, and a page is protected at its physical one. So it is right only where
// every vCPU maps the address to the same page, as a kernel's is mapped: not for pages of processes. vCPUs look from time to
// time if that is still so. A watchpoint on physical memory has no such condition.
//
// Threading: prepare() and forget() while everything is stopped, on the server's thread. The rest on vCPUs' threads:
// those that change something while every other vCPU is parked.
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "vmm/debug/breakpoints/breakpoint_table.h"
#include "vmm/debug/guest/guest_view.h"
#include "vmm/debug/host/host_abilities.h"
#include "vmm/debug/run_control/watch_cost.h"
#include "vmm/machine/machine.h"

namespace ringside::debug {

class PageGuard {
  public:
    PageGuard(machine::Machine& machine, BreakpointTable& table, const GuestView& view)
        : machine_(machine), table_(table), view_(view) {}

    struct Vcpu {
        x86::SystemRegisters system;
        std::vector<Gpa> kvm_areas;
    };
    // The pages where KVM itself writes for a vCPU, without an instruction of the guest's.
    static std::vector<Gpa> kvm_areas(const kvm::VcpuPort&);

    // The guest is about to run. `steps`: every instruction is stepped anyway. Returns a sentence for the user if writes may
    // have been missed since the last call, otherwise nothing.
    std::string prepare(const machine::StopToken&, const HostAbilities&, std::span<const Vcpu> vcpus,
                        bool steps);
    // Why pages are not protected, though there are watchpoints for which that was considered; empty if they are, or there are
    // none.
    const std::string& why_not() const { return why_not_; }
    // The machine has other memory.
    void forget();

    // ---- A vCPU's thread

    bool has_pages() const { return pages() != nullptr && !pages()->pages().empty(); }
    machine::WriteProtection* pages() const { return machine_.write_protection(); }
    // Returns true if watchpoints depend on the protection.
    bool active() const { return table_.plan().guarded; }
    // Returns true if the address is in one of the pages.
    bool holds(Gpa gpa) const;
    // The watchpoint whose bytes are among these; nullptr if there is none.
    Breakpoint* watchpoint_at(Gpa gpa, std::uint64_t size) const;
    // Why protection is wrong for a vCPU in this state; empty if it is right.
    std::string objection(const x86::SystemRegisters&) const;
    std::string objection(std::span<const Gpa> kvm_areas) const;
    // For a write to one of the pages: vCPUs can write them until close().
    Result<void> open() { return pages()->open(); }
    void close();
    // The watchpoints are watched by stepping from now on, and why.
    Result<void> give_up(std::string why);

    // ---- What it costs (watch_cost.h); these have a lock of their own

    bool trying() const;
    WatchCost::Verdict after_write(std::uint64_t now);
    WatchCost::Verdict after_step(std::uint64_t now, bool wrote);
    Result<void> try_stepping(std::uint64_t now);
    // Unless the state of this vCPU, or that of another, objects to it: returns why.
    Result<std::string> protect_again(VcpuIndex vcpu, const x86::SystemRegisters&);

  private:
    struct Place {
        std::optional<Gva> page;  // nullopt if a watchpoint is on physical memory there
        Gpa gpa;
    };
    struct Range {
        std::uint64_t address, size;
        bool physical;
        friend auto operator<=>(const Range&, const Range&) = default;
    };
    using Ranges = std::vector<Range>;

    Ranges watched() const;
    // Return a reason if it cannot be done.
    std::string look_up(std::span<const Vcpu> vcpus);
    std::string look_up(std::span<const Vcpu> vcpus, Gva page);
    std::string look_up(Gpa page);
    std::string protect();
    std::string moved(const Ranges& before, const std::vector<Place>& places_before) const;
    std::optional<Gpa> place_of(const x86::SystemRegisters&, Gva page) const;
    Result<void> use(bool protection);

    machine::Machine& machine_;
    BreakpointTable& table_;
    const GuestView& view_;
    Ranges ranges_;  // of the watchpoints
    std::vector<Place> places_;
    std::string why_not_;
    std::string given_up_;  // why, for these ranges
    mutable std::mutex mutex_;
    WatchCost cost_;
};

}  // namespace ringside::debug
