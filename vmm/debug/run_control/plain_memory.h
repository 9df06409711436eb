// One vCPU's memory, as far as an access to it has no other effect than the access (plain_pass.h).
#pragma once

#include <cstddef>
#include <optional>
#include <span>

#include "arch/x86_64/page_access.h"
#include "arch/x86_64/plain_instruction.h"
#include "vmm/debug/guest/guest_view.h"
#include "vmm/kvm/vcpu_port.h"

namespace ringside::debug {

// Where the vCPU accesses an address; nullopt if it would fault, or set an A or D bit on the way.
std::optional<Gpa> quiet_translation(const GuestView&, const x86::GeneralRegisters&,
                                     const x86::SystemRegisters&, Gva, x86::PageUse);

class QuietMemory final : public x86::PlainMemory {
  public:
    // `watched`: no access is quiet.
    QuietMemory(const kvm::VcpuPort& vcpu, const GuestView& view, const x86::GeneralRegisters& general,
                const x86::SystemRegisters& system, bool watched)
        : vcpu_(vcpu), view_(view), general_(general), system_(system), watched_(watched) {}

    std::optional<std::uint64_t> read(Gva address, unsigned size) override;
    bool write(Gva address, unsigned size, std::uint64_t value) override;

  private:
    std::optional<Gpa> place(Gva address, unsigned size, x86::PageUse use);
    bool is_watched();
    bool holds_planted_byte(Gpa gpa, std::span<const std::byte> bytes) const;

    const kvm::VcpuPort& vcpu_;
    const GuestView& view_;
    const x86::GeneralRegisters& general_;
    const x86::SystemRegisters& system_;
    bool watched_;
    bool guest_asked_ = false;  // its debug registers have been read
};

}  // namespace ringside::debug
