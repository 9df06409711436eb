// A vCPU's dirty ring (KVM API, 8.29): the pages that it has written, each listed once until the ring is reset.
#pragma once

#include <cstddef>
#include <cstdint>

#include "vmm/base/error.h"
#include "vmm/base/fd.h"
#include "vmm/kvm/kvm_abi.h"

namespace ringside::kvm {

class DirtyRing {
  public:
    // For Vm::enable(): a power of two, and larger than the ring's reserve for one exit.
    static constexpr std::uint32_t kEntries = 4096;
    static constexpr std::uint64_t kBytes = std::uint64_t{kEntries} * sizeof(kvm_dirty_gfn);

    // The VM has enabled the rings, with kEntries each.
    static Result<DirtyRing> map(int vcpu_fd, VcpuIndex);

    // Calls `each(slot, page)` for each new entry; `page` counts from the slot's start. Returns their number. They are
    // tracked again after Vm::reset_dirty_rings().
    template <typename F>
    std::uint32_t harvest(F&& each) {
        std::uint32_t count = 0;
        for (kvm_dirty_gfn* entry = &at(next_); take(*entry); entry = &at(next_), ++count) {
            each(entry->slot & 0xffff, entry->offset);
            give_back(*entry);
            ++next_;
        }
        return count;
    }

  private:
    explicit DirtyRing(Mapping mapping) : mapping_(std::move(mapping)) {}
    kvm_dirty_gfn& at(std::uint32_t index) {
        return static_cast<kvm_dirty_gfn*>(mapping_.get())[index % kEntries];
    }
    static bool take(kvm_dirty_gfn& entry);
    static void give_back(kvm_dirty_gfn& entry);

    Mapping mapping_;
    std::uint32_t next_ = 0;
};

}  // namespace ringside::kvm
