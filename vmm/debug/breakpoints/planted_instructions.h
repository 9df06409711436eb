// The instructions that the debugger has planted in guest memory, and the bytes that they replace.
//
// Threading: plant() and unplant() are for threads that may change the breakpoints (breakpoint_table.h); everything
// else is for any thread at any time.
#pragma once

#include <map>
#include <mutex>
#include <span>

#include "arch/x86_64/trap_instructions.h"
#include "vmm/base/ids.h"
#include "vmm/machine/guest_memory.h"
#include "vmm/machine/planted_bytes.h"

namespace ringside::debug {

class PlantedInstructions final : public machine::PlantedBytes {
  public:
    explicit PlantedInstructions(const machine::GuestMemory& memory) : memory_(memory) {}

    // Returns what is planted there now: several breakpoints share the first one's. `without_paging`: its address is
    // physical, whatever is mapped there.
    x86::TrapInstruction plant(Gpa, x86::TrapInstruction, bool without_paging);
    void unplant(Gpa);
    // Removes one for a moment, and puts it back unless the guest wrote there meanwhile.
    void lift(Gpa);
    void put_back(Gpa);
    // Returns true if the guest has overwritten the one at an address.
    bool overwritten(Gpa) const;
    // Plants an overwritten one again, over what the guest has written.
    void renew(Gpa);

    void hide(Gpa gpa, std::span<std::byte> bytes) const override;
    void write(Gpa gpa, std::span<std::byte> place, std::span<const std::byte> data,
               machine::WrittenBy by) override;

  private:
    struct Planted {
        std::byte original{};
        x86::TrapInstruction trap{};  // what is in its place
        unsigned users = 0;
        bool without_paging = false;
        bool lifted = false;  // for a moment
    };

    static bool stays_planted(const Planted&, Gpa, std::byte now, machine::WrittenBy);
    std::byte& byte_at(Gpa gpa) const { return memory_.span(gpa, 1)[0]; }

    const machine::GuestMemory& memory_;
    mutable std::mutex mutex_;
    std::map<Gpa, Planted> planted_;
};

}  // namespace ringside::debug
