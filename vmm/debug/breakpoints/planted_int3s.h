// The int3s that the debugger has in guest memory, and the bytes that they stand for.
//
// Threading: plant() and unplant() are for whoever may change the breakpoints (breakpoint_table.h); all else is for
// everyone at any time.
#pragma once

#include <map>
#include <mutex>
#include <span>

#include "vmm/base/ids.h"
#include "vmm/machine/guest_memory.h"
#include "vmm/machine/planted_bytes.h"

namespace ringside::debug {

class PlantedInt3s final : public machine::PlantedBytes {
  public:
    explicit PlantedInt3s(const machine::GuestMemory& memory) : memory_(memory) {}

    // Several breakpoints may share an int3. `without_paging`: its address is the place, whatever is there.
    void plant(Gpa, bool without_paging);
    void unplant(Gpa);
    // Takes an int3 out for a moment, and puts it back unless the guest wrote there meanwhile.
    void lift(Gpa);
    void put_back(Gpa);
    // Returns true if the guest has written over the int3 at an address.
    bool overwritten(Gpa) const;
    // Plants an overwritten int3 anew, over what the guest has written.
    void renew(Gpa);

    void hide(Gpa gpa, std::span<std::byte> bytes) const override;
    void write(Gpa gpa, std::span<std::byte> place, std::span<const std::byte> data,
               machine::WrittenBy by) override;

  private:
    struct Planted {
        std::byte original{};
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
