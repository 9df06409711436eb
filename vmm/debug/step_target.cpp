#include "vmm/debug/step_target.h"

#include <array>
#include <cstring>

namespace ringside::debug {

namespace {

template <typename T>
std::optional<T> load(const GuestView& view, const x86::SystemRegisters& system, Gva gva) {
    std::array<std::byte, sizeof(T)> bytes{};
    if (view.fetch(system, gva, bytes) != bytes.size())
        return std::nullopt;
    T value;
    std::memcpy(&value, bytes.data(), sizeof value);
    return value;
}

// A gate's fields (SDM volume 3, 6.11 and 6.14.1); the 64-bit gate has 8 bytes more.
struct Gate {
    std::uint64_t low = 0;
    std::uint64_t high = 0;
    bool present() const { return (low >> 47 & 1) != 0; }
    unsigned dpl() const { return static_cast<unsigned>(low >> 45 & 3); }
    unsigned type() const { return static_cast<unsigned>(low >> 40 & 0x1f); }
    std::uint16_t selector() const { return static_cast<std::uint16_t>(low >> 16); }
    std::uint64_t offset() const {
        std::uint64_t offset = (low & 0xffff) | (low >> 48 << 16);
        if (type() == 6 || type() == 7)  // 16-bit gates
            offset &= 0xffff;
        return offset | high << 32;
    }
    bool is_interrupt_or_trap() const { return type() == 6 || type() == 7 || type() == 0xe || type() == 0xf; }
};

// The base of a code segment in the GDT; LDT handlers are not followed.
std::optional<std::uint64_t> code_base(const GuestView& view, const x86::SystemRegisters& system,
                                       std::uint16_t selector) {
    if ((selector & 4) != 0)
        return std::nullopt;
    const auto descriptor = load<std::uint64_t>(view, system, Gva{system.gdtr.base + (selector & ~7U)});
    if (!descriptor)
        return std::nullopt;
    return (*descriptor >> 16 & 0xffffff) | (*descriptor >> 56 << 24);
}

}  // namespace

std::optional<Gva> interrupt_target(const GuestView& view, const x86::GeneralRegisters& general,
                                    const x86::SystemRegisters& system, std::uint8_t vector) {
    const x86::CpuMode mode = x86::cpu_mode(general, system);
    if (mode == x86::CpuMode::Virtual8086)
        return std::nullopt;
    if (mode == x86::CpuMode::Real) {
        const auto entry = load<std::uint32_t>(view, system, Gva{system.idtr.base + 4U * vector});
        if (!entry)
            return std::nullopt;
        return Gva{(*entry >> 16) * 16U + (*entry & 0xffff)};
    }
    const bool long_mode = x86::is_long_mode(mode);
    const std::uint64_t size = long_mode ? 16 : 8;
    if (vector * size + size - 1 > system.idtr.limit)
        return std::nullopt;
    const Gva address{system.idtr.base + vector * size};
    Gate gate;
    const auto low = load<std::uint64_t>(view, system, address);
    if (!low)
        return std::nullopt;
    gate.low = *low;
    if (long_mode) {
        const auto high = load<std::uint32_t>(view, system, address + 8);
        if (!high)
            return std::nullopt;
        gate.high = *high;
    }
    if (!gate.present() || !gate.is_interrupt_or_trap() || gate.dpl() < x86::privilege_level(general, system))
        return std::nullopt;
    const auto base = long_mode ? std::optional<std::uint64_t>(0) : code_base(view, system, gate.selector());
    if (!base)
        return std::nullopt;
    return Gva{*base + gate.offset()};
}

}  // namespace ringside::debug
