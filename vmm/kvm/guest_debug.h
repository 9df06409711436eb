// The features of KVM_SET_GUEST_DEBUG, apart from the debug slots' addresses.
#pragma once

#include <cstdint>
#include <initializer_list>

#include "vmm/kvm/kvm_abi.h"

namespace ringside::kvm {

enum class DebugFeature : std::uint32_t {
    Int3s = KVM_GUESTDBG_USE_SW_BP,           // an int3 exits instead of raising #BP
    Slots = KVM_GUESTDBG_USE_HW_BP,           // DR0-DR3 and DR7 are the debugger's
    SingleStep = KVM_GUESTDBG_SINGLESTEP,     // KVM sets TF
    BlockInterrupts = KVM_GUESTDBG_BLOCKIRQ,  // during a single-step
    InjectDebugException = KVM_GUESTDBG_INJECT_DB,
    InjectBreakpoint = KVM_GUESTDBG_INJECT_BP,
};

// A set of features; empty means that debugging is off.
class DebugControl {
  public:
    constexpr DebugControl() = default;
    constexpr DebugControl(std::initializer_list<DebugFeature> features) {
        for (const DebugFeature feature : features)
            add(feature);
    }

    constexpr void add(DebugFeature feature) { bits_ |= bit(feature); }
    constexpr void remove(DebugFeature feature) { bits_ &= ~bit(feature); }
    constexpr bool has(DebugFeature feature) const { return (bits_ & bit(feature)) != 0; }
    constexpr bool empty() const { return bits_ == 0; }
    // As KVM expects it.
    constexpr std::uint32_t raw() const { return empty() ? 0 : bits_ | KVM_GUESTDBG_ENABLE; }

    friend constexpr bool operator==(DebugControl, DebugControl) = default;

  private:
    static constexpr std::uint32_t bit(DebugFeature feature) { return static_cast<std::uint32_t>(feature); }
    std::uint32_t bits_ = 0;
};

}  // namespace ringside::kvm
