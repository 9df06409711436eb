// The I/O ports of the devices that KVM emulates itself: no access to them exits to userspace (KVM's arch/x86/kvm/i8259.c
// and i8254.c).
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>

namespace ringside::kvm {

struct InKernelDevice {
    std::string_view name;
    std::string_view kind;  // in tables of exits
    std::uint64_t start = 0, size = 0;

    bool contains(std::uint64_t address) const { return address >= start && address - start < size; }
};

inline constexpr std::array kInKernelPorts{
    InKernelDevice{"8259A (first)", "PIC", 0x20, 2}, InKernelDevice{"8254", "PIT", 0x40, 4},
    InKernelDevice{"speaker", "PIT", 0x61, 1}, InKernelDevice{"8259A (second)", "PIC", 0xa0, 2},
    InKernelDevice{"8259A edge/level", "PIC", 0x4d0, 2}};

inline bool is_in_kernel_port(std::uint64_t port) {
    return std::ranges::any_of(kInKernelPorts, [port](const auto& device) { return device.contains(port); });
}

}  // namespace ringside::kvm
