// Every breakpoint and watchpoint, and the mechanism of each.
//
// A software breakpoint is planted in physical memory: as an int3 where this host's KVM reports one, otherwise as
// an instruction whose exit can be caught (trap_choice.h). If neither is possible, it takes a debug slot. If there is
// no free slot, or for watchpoints on a host whose slots do not work, the vCPUs are stepped. A breakpoint at an address
// that is not mapped yet takes a slot, which compares linear addresses, until the page appears. So does one on a page
// that is not executable, where a planted instruction would never be executed. While a slot is free, it is also
// preferred to an instruction that would interfere with the guest: on an instruction that kernels
// patch (patch_site.h), and on a user page of an unknown process. The same applies to a place without
// code, which the guest will overwrite; without slots the vCPUs are stepped until there is code.
//
// A breakpoint on a physical address is planted, or the vCPUs are stepped and each instruction's address is translated.
// A watchpoint on physical memory never gets a debug slot, which compares linear addresses: its pages are write-protected, or the
// vCPUs are stepped.
//
// Threading: changed by the server's thread while every vCPU is parked (the StopToken); read by vCPU threads
// while they run. settle() is the exception: it is also for the one vCPU thread between StopCoordinator's
// park_others() and resume_others().
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "arch/x86_64/debug_registers.h"
#include "arch/x86_64/trap_instructions.h"
#include "gdbstub/target.h"
#include "vmm/debug/breakpoints/breakpoint.h"
#include "vmm/debug/breakpoints/planted_instructions.h"
#include "vmm/debug/breakpoints/removed_breakpoints.h"
#include "vmm/debug/guest/guest_view.h"
#include "vmm/debug/host/exit_trap.h"
#include "vmm/debug/host/host_abilities.h"
#include "vmm/machine/machine.h"

namespace ringside::debug {

// How the vCPUs are to be armed. `owner[n]` is the breakpoint that slot n serves.
//
// DR7 has no "read only" (SDM volume 3, 17.2.4). A read watchpoint has two slots for each piece of its range: one that
// both reads and writes trigger, and one that only writes trigger. The latter is in `write_slots`.
struct DebugPlan {
    std::array<std::uint64_t, 4> slots{};
    x86::Dr7 dr7;
    std::array<Breakpoint*, 4> owner{};
    unsigned write_slots = 0;  // a bit for each slot
    bool int3s = false;
    bool user_int3s = false;
    ExitTraps exit_traps;
    bool physical_places = false;  // some breakpoint is on a physical address
    bool disturbs = false;         // a planted one interferes with the guest, because no slot was free
    std::vector<Breakpoint*> stepped_breakpoints;
    std::vector<Breakpoint*> stepped_watchpoints;
    bool guarded = false;  // their pages are write-protected: only a write to one of these needs a step

    bool watches_data() const {
        for (unsigned slot = 0; slot < x86::kDebugSlots; ++slot) {
            if (dr7.enabled(slot) && dr7.condition(slot) != x86::DebugCondition::Execute)
                return true;
        }
        return !stepped_watchpoints.empty();
    }
    bool needs_stepping() const {
        return !stepped_breakpoints.empty() || (!stepped_watchpoints.empty() && !guarded);
    }
};

// A handler at whose beginning a judge decides.
struct JudgedPlace {
    Gva address;
    HitJudge* judge = nullptr;
    friend bool operator==(const JudgedPlace&, const JudgedPlace&) = default;
};

// Returns true if a vCPU that has hit a breakpoint is in the address space to which it is limited. A client's may be hit
// at another address at which its page is mapped, the monitor's not.
bool is_in_its_space(const GuestView& view, const x86::SystemRegisters& system, Gva pc,
                     const Breakpoint& breakpoint);

class BreakpointTable {
  public:
    explicit BreakpointTable(const machine::GuestMemory& memory) : planted_(memory) {}

    // The host's abilities; before the first insert().
    void set_abilities(const HostAbilities& abilities) { abilities_ = abilities; }

    // Inserts, or replaces the conditions of one that exists. `system` gives the address space, unless the
    // view has one chosen: then a breakpoint on a user address is limited to that one. It also gives the level
    // of a guest that is a hypervisor, unless the view has one chosen or the address had a breakpoint before: gdb
    // removes its breakpoints at every stop and inserts them again, whichever level it stopped in.
    Result<void> insert(const machine::StopToken&, const GuestView&, const x86::SystemRegisters& system,
                        const gdbstub::BreakpointRequest&);
    void remove(const machine::StopToken&, gdbstub::BreakpointKind, std::uint64_t address,
                std::uint64_t size);
    void remove_all(const machine::StopToken&);
    // The same when the client has left: breakpoints whose commands are to continue without it remain.
    void remove_abandoned(const machine::StopToken&);
    // Makes these the addresses of tracepoints, and no others. They stay when the client's breakpoints are removed.
    void trace(const machine::StopToken&, const GuestView&, const x86::SystemRegisters& system,
               const std::vector<std::uint64_t>& addresses);
    // The guest's memory is about to be replaced: nothing is planted in it any more. Breakpoints are no longer limited
    // to an address space or a level of the old guest, and those on its handlers are removed.
    void lift_all(const machine::StopToken&);
    // The new memory is in place, and the vCPUs are at their first instruction.
    void place_all(const machine::StopToken&, const GuestView&, const x86::SystemRegisters& system);
    // The guest runs on without what has been removed. (Not for a step: gdb removes a breakpoint for a step.)
    void forget_removed() { removed_.clear(); }
    // Replaces the breakpoints on handlers. Clients neither see nor remove them. Like settle(), it is also for a vCPU's
    // thread.
    void set_judged(const GuestView&, const x86::SystemRegisters& system,
                    std::span<const JudgedPlace> places);
    // Inserts a breakpoint of the monitor's, or a watchpoint on physical memory. Clients neither see nor remove it.
    // `physical`: the request's address is guest-physical.
    void insert_for_monitor(const machine::StopToken&, const GuestView&, const x86::SystemRegisters& system,
                            const gdbstub::BreakpointRequest&, bool physical, HitJudge& judge);
    void remove_for_monitor(const machine::StopToken&, const HitJudge& judge);
    // The monitor's breakpoint of a judge, or nullptr.
    const Breakpoint* of_judge(const HitJudge& judge) const;
    // Replaces every planted instruction and debug slot with stepping, or brings them back. A recording steps the
    // guest anyway.
    void set_stepping_only(const machine::StopToken&, bool on);
    // The pages of the stepped watchpoints are write-protected, or no longer; other watchpoints end that. For a vCPU's
    // thread, too.
    void set_guarded(bool on);
    // Before the guest runs on: plants breakpoints that had no page, and those that the guest has
    // overwritten. (gdb removes its breakpoints at every stop, so they are planted again; lldb does
    // not.)
    void settle(const GuestView&, const x86::SystemRegisters& system);
    // The same for those that were planted without paging, other than as an int3: with paging it is known which code
    // runs there, and in which mode.
    void settle_unpaged(const GuestView&, const x86::SystemRegisters& system);
    // Returns true if settle() would make stepping unnecessary for some breakpoint.
    bool can_settle(const GuestView&, const x86::SystemRegisters& system) const;

    // Forgets in which level an address was set; for when a client chooses another level.
    void forget_levels() { levels_.clear(); }

    const DebugPlan& plan() const { return plan_; }
    // The same without a debug slot: for a vCPU whose guest needs them itself.
    const DebugPlan& plan_without_slots() const { return plan_without_slots_; }
    // What clients have set.
    std::vector<const Breakpoint*> list() const;
    // For users: those, and the ones removed since the guest last ran.
    std::vector<BreakpointLine> lines() const;
    bool empty() const { return breakpoints_.empty(); }

    // The breakpoint that is planted at an address, or nullptr. Of several, the client's, then one on a linear address.
    Breakpoint* planted_at(Gpa) const;
    CodePlace place_at(const GuestView&, const x86::SystemRegisters& system, Gva pc) const;
    // A breakpoint, not a watchpoint, on a place, or nullptr.
    Breakpoint* execution_at(const CodePlace& place) const;
    // Calls look_at(Breakpoint&) for each that a vCPU at `place` has hit when it has hit `hit`. That one may be planted
    // in a page that is mapped at several addresses.
    template <typename LookAt>
    void for_each_hit(const CodePlace& place, const Breakpoint& hit, LookAt&& look_at) const {
        for (const auto& breakpoint : breakpoints_) {
            const bool with_it = !breakpoint->is_watchpoint() && !breakpoint->physical && !hit.physical &&
                                 breakpoint->request.address == hit.request.address;
            if (with_it || breakpoint->is_on(place))
                look_at(*breakpoint);
        }
    }
    // Those that the guest has overwritten, and may have passed unnoticed.
    std::vector<const Breakpoint*> overwritten() const;
    PlantedInstructions& planted() { return planted_; }
    const PlantedInstructions& planted() const { return planted_; }

  private:
    using List = std::vector<std::unique_ptr<Breakpoint>>;

    // Of the client's.
    List::iterator find(gdbstub::BreakpointKind, std::uint64_t address, std::uint64_t size);
    bool is_traced(const gdbstub::BreakpointRequest&) const;
    Breakpoint& add(const GuestView&, const x86::SystemRegisters&, const gdbstub::BreakpointRequest&);
    void drop(List::iterator);
    x86::GuestLevel level_of(const GuestView&, const x86::SystemRegisters&, std::uint64_t address);
    void remove_clients(const std::function<bool(const Breakpoint&)>& unwanted);
    void remove_if(const std::function<bool(const Breakpoint&)>& unwanted);
    // breakpoint_settle.cpp
    void settle_level(const GuestView&, const x86::SystemRegisters&, Breakpoint&);
    void look_at_places(const GuestView&, const x86::SystemRegisters&);
    void renew_overwritten(const GuestView&, const x86::SystemRegisters&);
    // breakpoint_plan.cpp
    void make_plan();
    void plan_stepping_only();
    void plan_watchpoints();
    void plan_guarded();
    void plan_unplanted();
    void plan_planted();
    // The guest is about to run with these.
    void note_mechanisms();
    void add_to_plan(x86::TrapInstruction, const Breakpoint&);
    void make_plan_without_slots();
    std::size_t slots_for_handlers() const;
    bool assign_slots(Breakpoint&);
    // Gives one piece of it a free slot, of which there is one. Returns the slot.
    unsigned assign_slot(Breakpoint&, const x86::WatchChunk& piece, x86::DebugCondition);

    HostAbilities abilities_;
    bool stepping_only_ = false;
    bool guarded_ = false;
    List breakpoints_;
    std::set<std::uint64_t> traced_;
    std::map<std::uint64_t, x86::GuestLevel> levels_;  // of each address that had a breakpoint
    PlantedInstructions planted_;
    RemovedBreakpoints removed_;
    DebugPlan plan_;
    DebugPlan plan_without_slots_;
};

}  // namespace ringside::debug
