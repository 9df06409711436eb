// KVM's memory slots of a machine: one for each region of its memory. While pages are set apart, each of them has a slot of
// its own, with another mapping, and so has each rest of a region.
//
// Threading: while every vCPU is parked.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "vmm/base/error.h"
#include "vmm/base/ids.h"
#include "vmm/kvm/vm.h"
#include "vmm/machine/guest_memory.h"

namespace ringside::machine {

// A 4 KiB page of guest memory, and where KVM has to find it.
struct ApartPage {
    Gpa gpa;
    std::byte* host = nullptr;
};

struct MemorySlot {
    Gpa start;
    std::uint64_t size = 0;  // bytes
    std::byte* host = nullptr;
    bool read_only = false;  // a ROM
    friend bool operator==(const MemorySlot&, const MemorySlot&) = default;
};

// The slots of these regions; `apart` is sorted by address. A slot's number is its index.
std::vector<MemorySlot> memory_slots(std::span<const MemoryRegion> regions, std::span<const ApartPage> apart);

class MemorySlots {
  public:
    // Of a VM that has no slot yet, or whose slots create() has made.
    MemorySlots(const kvm::Vm& vm, const GuestMemory& memory)
        : vm_(vm), memory_(memory), slots_(memory_slots(memory.regions(), {})) {}

    Result<void> create() const;
    // The VM is another one, with the slots of create() over the memory's new regions.
    void start_anew();

    std::span<const MemorySlot> slots() const { return slots_; }
    // Of a slot that is not a ROM: KVM_MEM_LOG_DIRTY_PAGES, also for slots to come.
    Result<void> log(bool on);
    // Deletes the slots, and with them what KVM has cached and logged of them, and makes them again.
    Result<void> renew() const;
    // The pages that have a slot of their own from now on; sorted by address. What KVM has logged is lost. After an error
    // the slots are as before, unless KVM refuses that, too.
    Result<void> set_apart(std::span<const ApartPage> pages);

  private:
    Result<void> put(std::size_t number) const;
    Result<void> remove() const;

    const kvm::Vm& vm_;
    const GuestMemory& memory_;
    std::vector<MemorySlot> slots_;
    bool logging_ = false;
};

}  // namespace ringside::machine
