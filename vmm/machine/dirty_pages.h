// Which pages of guest memory are written: by vCPUs, as KVM logs them, and by the monitor itself (devices, the
// debugger), which reports its writes here. Any number of readers may follow; KVM logs as long as there is one.
//
// Threading: one thread at a time, with every other vCPU parked; add(), remove() and replace_source() while no device
// accesses the guest either. written() may come from any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "vmm/base/error.h"
#include "vmm/base/ids.h"
#include "vmm/kvm/dirty_ring.h"
#include "vmm/kvm/vm.h"
#include "vmm/machine/guest_memory.h"
#include "vmm/machine/memory_slots.h"
#include "vmm/machine/page_set.h"

namespace ringside::machine {

class DirtyPages : public WriteListener {
  public:
    // How a host names the pages that its vCPUs have written.
    class Source {
      public:
        virtual ~Source() = default;
        virtual std::string_view name() const = 0;
        // Returns false if it is only for vCPUs whose pages are collected after each step: its space is limited.
        virtual bool is_unlimited() const = 0;
        virtual Result<void> start() = 0;
        virtual Result<void> stop() = 0;
        // Calls `each` with the address of each page written since start() or the last call, and watches it again.
        // Fails if pages may be missing.
        virtual Result<void> collect(const std::function<void(Gpa)>& each) = 0;
        // The monitor has changed memory behind KVM's back, page tables perhaps: KVM forgets what it has cached, and
        // may forget pages that were not collected.
        virtual Result<void> forget_translations() = 0;
    };

    class Reader {
      public:
        virtual ~Reader() = default;
        // A page was written since the reader was added, or since it was last named. It may be named twice, and also
        // if it was written before.
        virtual void page_written(Gpa page) = 0;
        // Any page may have been written: memory was replaced.
        virtual void all_written() = 0;
    };

    explicit DirtyPages(GuestMemory& memory, std::unique_ptr<Source> source)
        : memory_(memory), source_(std::move(source)) {}
    ~DirtyPages() override { memory_.set_write_listener(nullptr); }

    const Source& source() const { return *source_; }
    // If the source cannot start, the reader is not added.
    Result<void> add(Reader& reader);
    // Also of one that was not added.
    Result<void> remove(Reader& reader);
    // Names to every reader the pages that were written.
    Result<void> collect();
    // The source is about to forget pages that were not collected. Every page is named to the readers before; if that
    // fails, so does collect() from now on.
    void about_to_forget();
    // As for Source; but every page is named to the readers before. If that fails, so does collect() from now on.
    Result<void> forget_translations();
    // The machine has another VM, and other contents of its memory. An error is that of the next collect().
    void replace_source(std::unique_ptr<Source> source);

    // WriteListener
    void written(Gpa gpa, std::uint64_t size) override;

  private:
    GuestMemory& memory_;
    std::unique_ptr<Source> source_;
    std::vector<Reader*> readers_;
    Result<void> complete_;  // else pages are missing, and collect() fails with this reason
    std::mutex mutex_;
    std::unordered_set<std::uint64_t> noted_;  // page numbers
};

// KVM's dirty rings, if `rings` holds one for each vCPU; else its dirty log.
std::unique_ptr<DirtyPages::Source> kvm_dirty_pages(const kvm::Vm&, MemorySlots&,
                                                    std::vector<kvm::DirtyRing> rings);

}  // namespace ringside::machine
