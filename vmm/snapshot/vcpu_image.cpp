#include "vmm/snapshot/vcpu_image.h"

#include <cstring>

#include "arch/x86_64/control_bits.h"
#include "arch/x86_64/local_apic.h"
#include "arch/x86_64/msrs.h"

namespace ringside::snapshot {

namespace {

template <typename T>
bool same(const T& a, const T& b) {
    return std::memcmp(&a, &b, sizeof a) == 0;
}

// On Intel hosts KVM marks every segment that it loads as accessed. Of one that is unusable, where the bit has no meaning,
// the guest's own may have been clear: it must not count as a difference.
void mark_unusable_as_accessed(kvm_sregs& system) {
    for (kvm_segment* segment :
         {&system.cs, &system.ds, &system.es, &system.fs, &system.gs, &system.ss, &system.tr, &system.ldt}) {
        if (segment->unusable != 0)
            segment->type |= 1;
    }
}

template <typename T>
Result<void> keep(T& field, Result<T> value) {
    field = TRY(std::move(value));
    return {};
}

}  // namespace

bool same_general(const VcpuImage& a, const VcpuImage& b) {
    return same(a.general, b.general);
}

// The deadline is cleared when its interrupt comes.
bool same_registers(const VcpuImage& a, const VcpuImage& b) {
    for (std::size_t i = 0; i < kImageMsrs.size(); ++i) {
        if (a.msrs[i] != b.msrs[i] && kImageMsrs[i] != x86::msr::kTscDeadline)
            return false;
    }
    return same(a.general, b.general) && same(a.system, b.system) && a.debug == b.debug && a.xcr0 == b.xcr0 &&
           same(a.xsave, b.xsave);
}

bool same_lapic(const kvm_lapic_state& a, const kvm_lapic_state& b) {
    kvm_lapic_state other = b;
    std::memcpy(other.regs + x86::kApicTimerCount, a.regs + x86::kApicTimerCount, sizeof(std::uint32_t));
    return same(a, other);
}

void VcpuImager::take_registers(const x86::GeneralRegisters& general, const x86::SystemRegisters& system,
                                VcpuImage& image) {
    image.general = kvm::to_kvm(general);
    image.system = kvm::to_kvm(system, kvm_sregs{});
    mark_unusable_as_accessed(image.system);
}

Result<void> VcpuImager::take_events(VcpuImage& image) const {
    TRY(keep(image.events, vcpu_.events()));
    auto state = TRY(vcpu_.mp_state());
    image.mp_state = state;
    return {};
}

Result<void> VcpuImager::take_msrs(VcpuImage& image) {
    if (known_msrs_.empty()) {
        for (std::size_t i = 0; i < kImageMsrs.size(); ++i) {
            kvm::Msr msr{kImageMsrs[i], 0};
            if (vcpu_.read_msrs({&msr, 1}) == std::size_t{1})
                known_msrs_.push_back(i);
        }
    }
    std::array<kvm::Msr, kImageMsrs.size()> msrs;
    const auto known = std::span(msrs).first(known_msrs_.size());
    for (std::size_t i = 0; i < known.size(); ++i)
        known[i] = {kImageMsrs[known_msrs_[i]], 0};
    auto count = TRY(vcpu_.read_msrs(known));
    for (std::size_t i = 0; i < count; ++i)
        image.msrs[known_msrs_[i]] = known[i].value;
    return {};
}

Result<void> VcpuImager::take_rest(VcpuImage& image) {
    TRY(keep(image.debug, vcpu_.debug()));
    TRY(keep(image.xcr0, vcpu_.xcr0()));
    TRY(keep(image.xsave, vcpu_.xsave()));
    TRY(take_msrs(image));
    return take_lapic(image);
}

Result<void> VcpuImager::take_lapic(VcpuImage& image) const {
    auto lapic = TRY(vcpu_.lapic());
    if (!same_lapic(image.lapic, lapic))
        image.lapic = lapic;
    return {};
}

Result<void> VcpuImager::take(VcpuImage& image) {
    auto general = TRY(vcpu_.general());
    auto system = TRY(vcpu_.system());
    take_registers(general, system, image);
    TRY(take_events(image));
    return take_rest(image);
}

// KVM acts on an INIT or SIPI that has come when it is asked for the run state, and gives the vCPU other registers.
Result<void> VcpuImager::take_sent(VcpuImage& image) {
    const std::uint64_t was = image.mp_state;
    const std::uint64_t is = TRY(vcpu_.mp_state());
    if (is != was)
        return take(image);
    TRY(take_events(image));
    return take_lapic(image);
}

// KVM checks if control registers have changed, and keeps translations if not. But page tables in memory may have:
// another CR4 first (TSD, which has no other effect) makes KVM drop them. New general registers discard a pending
// exception, so the events come last.
Result<void> VcpuImager::put_registers(const VcpuImage& now, const VcpuImage& wanted) {
    auto system = kvm::from_kvm(wanted.system);
    system.cr4 ^= x86::cr4::kTsd;
    TRY(vcpu_.set_system(system));
    system.cr4 ^= x86::cr4::kTsd;
    TRY(vcpu_.set_system(system));
    if (wanted.mp_state != now.mp_state)
        TRY(vcpu_.set_mp_state(static_cast<std::uint32_t>(wanted.mp_state)));
    TRY(vcpu_.set_general(kvm::from_kvm(wanted.general)));
    return vcpu_.set_events(wanted.events);
}

Result<void> VcpuImager::put_rest(const VcpuImage& now, const VcpuImage& wanted) {
    if (now.xcr0 != wanted.xcr0)
        TRY(vcpu_.set_xcr0(wanted.xcr0));
    if (!same(now.xsave, wanted.xsave))
        TRY(vcpu_.set_xsave(wanted.xsave));
    for (const std::size_t i : known_msrs_) {
        const kvm::Msr msr{kImageMsrs[i], wanted.msrs[i]};
        if (now.msrs[i] != wanted.msrs[i])
            TRY(vcpu_.write_msrs({&msr, 1}));
    }
    if (!same_lapic(now.lapic, wanted.lapic))
        TRY(vcpu_.set_lapic(wanted.lapic));
    if (!(now.debug == wanted.debug))
        TRY(vcpu_.set_debug(wanted.debug));
    return {};
}

Result<void> VcpuImager::put(const VcpuImage& now, const VcpuImage& wanted) {
    TRY(put_rest(now, wanted));
    return put_registers(now, wanted);
}

}  // namespace ringside::snapshot
