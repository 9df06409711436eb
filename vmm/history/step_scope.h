// What a step may change, determined before it: by the instruction's opcode, and by whether its operands are in RAM. An
// access outside RAM may reach an interrupt controller in the kernel, which causes no exit to userspace.
#pragma once

#include <array>
#include <cstdint>

#include "arch/x86_64/cpu_state.h"
#include "arch/x86_64/decode.h"
#include "vmm/debug/guest/guest_view.h"
#include "vmm/snapshot/machine_image.h"

namespace ringside::history {

class StepScope {
  public:
    explicit StepScope(const debug::GuestView& view) : view_(view) {}

    snapshot::Depth of(const x86::GeneralRegisters& general, const x86::SystemRegisters& system);
    // Returns true if the instruction was PAUSE: the guest waits for another vCPU.
    bool is_pause() const { return pause_; }
    // Page tables may have changed unobserved.
    void forget_pages() { ram_pages_.fill(kNone); }

  private:
    static constexpr std::uint64_t kNone = ~std::uint64_t{0};
    bool stays_in_ram(std::span<const std::byte> code);
    bool is_ram(Gva address);

    const debug::GuestView& view_;
    x86::Decoder decoder_;
    x86::CpuState state_;
    bool pause_ = false;
    std::array<std::uint64_t, 64> ram_pages_{};  // linear page numbers, by their low bits
};

}  // namespace ringside::history
