#include "vmm/kvm/dirty_ring.h"

#include <sys/mman.h>
#include <unistd.h>

#include <atomic>

#include "vmm/kvm/ioctl.h"

namespace ringside::kvm {

Result<DirtyRing> DirtyRing::map(int vcpu_fd, VcpuIndex index) {
    const auto offset = static_cast<off_t>(KVM_DIRTY_LOG_PAGE_OFFSET) * ::sysconf(_SC_PAGESIZE);
    void* address = ::mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu_fd, offset);
    if (address == MAP_FAILED)
        return tl::unexpected<Error>(ioctl_error("mmap dirty ring", errno, index));
    return DirtyRing(Mapping(address, kBytes));
}

// KVM sets DIRTY after it has filled the entry in.
bool DirtyRing::take(kvm_dirty_gfn& entry) {
    return (std::atomic_ref(entry.flags).load(std::memory_order_acquire) & KVM_DIRTY_GFN_F_DIRTY) != 0;
}

void DirtyRing::give_back(kvm_dirty_gfn& entry) {
    std::atomic_ref(entry.flags).store(KVM_DIRTY_GFN_F_RESET, std::memory_order_release);
}

}  // namespace ringside::kvm
