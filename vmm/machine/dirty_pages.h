// Which pages of guest memory were written since they were last asked for: by vCPUs, as KVM logs them, and by the
// monitor itself (devices, the debugger), which reports its writes here.
//
// Threading: one thread at a time, with every other vCPU parked. note() may come from any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string_view>
#include <vector>

#include "vmm/base/error.h"
#include "vmm/base/ids.h"
#include "vmm/kvm/dirty_ring.h"
#include "vmm/kvm/vm.h"
#include "vmm/machine/guest_memory.h"

namespace ringside::machine {

inline constexpr std::uint64_t kPageSize = 4096;

class DirtyPages : public WriteListener {
  public:
    // How a host names the pages that its vCPUs have written.
    class Source {
      public:
        virtual ~Source() = default;
        virtual std::string_view name() const = 0;
        virtual Result<void> start() = 0;
        virtual Result<void> stop() = 0;
        // Calls `each` with the address of each page written since start() or the last call, and watches it again.
        virtual Result<void> collect(const std::function<void(Gpa)>& each) = 0;
        // The monitor has changed memory behind KVM's back, page tables perhaps: KVM forgets what it has cached.
        virtual Result<void> forget_translations() = 0;
    };

    explicit DirtyPages(GuestMemory& memory, std::unique_ptr<Source> source)
        : memory_(memory), source_(std::move(source)) {}
    ~DirtyPages() override { memory_.set_write_listener(nullptr); }

    std::string_view source_name() const { return source_->name(); }
    bool active() const { return active_; }
    Result<void> start();
    Result<void> stop();
    // As for Source, with the monitor's own writes; a page may come twice.
    Result<void> collect(const std::function<void(Gpa)>& each);
    Result<void> forget_translations() { return source_->forget_translations(); }

    // WriteListener
    void written(Gpa gpa, std::uint64_t size) override;

  private:
    GuestMemory& memory_;
    std::unique_ptr<Source> source_;
    bool active_ = false;
    std::mutex mutex_;
    std::vector<Gpa> noted_;
};

// KVM's dirty rings, if the VM has them enabled and `rings` holds one for each vCPU; else its dirty log.
std::unique_ptr<DirtyPages::Source> kvm_dirty_pages(const kvm::Vm&, const GuestMemory&,
                                                    std::vector<kvm::DirtyRing> rings);

}  // namespace ringside::machine
