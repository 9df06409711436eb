// Pages of guest memory that vCPUs cannot write: a write makes KVM_RUN fail with EFAULT before its instruction has any
// effect (VcpuObserver::on_write_fault). Reads, devices and the monitor are not affected.
//
// KVM finds these pages through a mapping of their own, which is read-only in this process. It is not KVM_MEM_READONLY: with
// that, KVM emulates the instruction, a locked one not atomically, and fails at those that it does not know.
//
// Threading: set() and forget() while everything is stopped; open() and close() on a vCPU's thread too, while every other
// vCPU is parked. The rest from any thread.
#pragma once

#include <atomic>
#include <cstddef>
#include <span>
#include <vector>

#include "vmm/base/error.h"
#include "vmm/base/fd.h"
#include "vmm/base/ids.h"
#include "vmm/machine/dirty_pages.h"
#include "vmm/machine/guest_memory.h"
#include "vmm/machine/memory_slots.h"

namespace ringside::machine {

class WriteProtection {
  public:
    // Each costs up to two memory slots and a search in KVM's list of them.
    static constexpr std::size_t kMostPages = 16;

    virtual ~WriteProtection() = default;

    // Returns true if the 4 KiB page can be protected: it is RAM, and not in a file that others map.
    bool can_protect(Gpa page) const;
    // The pages that are protected from now on: page-aligned, sorted, at most kMostPages, and can_protect(). After an
    // error none is.
    Result<void> set(std::span<const Gpa> pages);
    // Those of the last set(), open or closed.
    const std::vector<Gpa>& pages() const { return pages_; }
    bool closed() const { return closed_.load(std::memory_order_acquire); }
    // vCPUs can write the pages, or cannot.
    Result<void> open() { return make_writable(true); }
    Result<void> close() { return make_writable(false); }
    // The machine has another VM and other memory, in which no page is protected.
    void forget();

  protected:
    explicit WriteProtection(GuestMemory& memory) : memory_(memory) {}
    GuestMemory& memory() const { return memory_; }

    // As set(), for pages other than the present ones: they are open, or there are none after an error.
    virtual Result<void> replace(std::span<const Gpa> pages) = 0;
    virtual Result<void> map_writable(bool writable) = 0;
    virtual void drop() = 0;

  private:
    Result<void> make_writable(bool writable);

    GuestMemory& memory_;
    std::vector<Gpa> pages_;
    std::atomic<bool> closed_{false};
};

// With KVM's memory slots.
class KvmWriteProtection final : public WriteProtection {
  public:
    KvmWriteProtection(GuestMemory& memory, MemorySlots& slots, DirtyPages& dirty)
        : WriteProtection(memory), slots_(slots), dirty_(dirty) {}

  private:
    Result<void> replace(std::span<const Gpa> pages) override;
    Result<void> map_writable(bool writable) override;
    void drop() override;

    Result<void> put_back();
    Result<void> move_to_file(std::span<const Gpa> pages);

    MemorySlots& slots_;
    DirtyPages& dirty_;
    std::vector<Gpa> moved_;  // pages that are in the file
    Mapping guests_;          // the file, as KVM finds it
};

}  // namespace ringside::machine
