#include "vmm/debug/guest/guest_tables.h"

#include <array>

#include "arch/x86_64/opcodes.h"

namespace ringside::debug {

namespace {

template <typename T>
std::optional<T> load(const GuestView& view, const x86::SystemRegisters& system, Gva gva) {
    const auto value = view.load(system, gva, sizeof(T));
    return value ? std::optional(static_cast<T>(*value)) : std::nullopt;
}

}  // namespace

std::optional<x86::Gate> idt_entry(const GuestView& view, const x86::SystemRegisters& system, bool long_mode,
                                   std::uint8_t vector) {
    const std::uint64_t size = x86::gate_bytes(long_mode);
    if (vector * size + size - 1 > system.idtr.limit)
        return std::nullopt;
    const Gva address{system.idtr.base + vector * size};
    const auto low = load<std::uint64_t>(view, system, address);
    const auto high =
        long_mode ? load<std::uint32_t>(view, system, address + 8) : std::optional<std::uint32_t>(0);
    if (!low || !high)
        return std::nullopt;
    return x86::decode_gate(*low, *high);
}

std::optional<InterruptGate> interrupt_gate(const GuestView& view, const x86::GeneralRegisters& general,
                                            const x86::SystemRegisters& system, std::uint8_t vector) {
    const x86::CpuMode mode = x86::cpu_mode(general, system);
    if (mode == x86::CpuMode::Virtual8086)
        return std::nullopt;
    if (mode == x86::CpuMode::Real) {
        const auto entry =
            load<std::uint32_t>(view, system, Gva{system.idtr.base + vector * x86::kRealModeVectorBytes});
        if (!entry)
            return std::nullopt;
        return InterruptGate{Gva{x86::decode_real_mode_vector(*entry).address()}, 3};
    }
    const bool long_mode = x86::is_long_mode(mode);
    const auto gate = idt_entry(view, system, long_mode, vector);
    if (!gate || !gate->present || !gate->is_interrupt_or_trap())
        return std::nullopt;
    if (long_mode)
        return InterruptGate{Gva{gate->offset}, gate->dpl};
    const auto code = table_segment(view, system, gate->selector);
    if (!code)
        return std::nullopt;
    return InterruptGate{Gva{code->base + gate->offset}, gate->dpl};
}

std::optional<Gva> interrupt_target(const GuestView& view, const x86::GeneralRegisters& general,
                                    const x86::SystemRegisters& system, std::uint8_t vector) {
    const auto gate = interrupt_gate(view, general, system, vector);
    if (!gate || gate->dpl < x86::privilege_level(general, system))
        return std::nullopt;
    return gate->handler;
}

std::optional<ReturnTarget> interrupt_return_target(const GuestView& view,
                                                    const x86::GeneralRegisters& general,
                                                    const x86::SystemRegisters& system) {
    std::array<std::byte, x86::kIretq.size()> code{};
    if (x86::cpu_mode(general, system) != x86::CpuMode::Long64 ||
        view.fetch(system, x86::linear_pc(general, system), code) != code.size() || code != x86::kIretq)
        return std::nullopt;
    const auto rip = load<std::uint64_t>(view, system, Gva{general.rsp});
    const auto cs = load<std::uint64_t>(view, system, Gva{general.rsp + 8});
    if (!rip || !cs)
        return std::nullopt;
    return ReturnTarget{Gva{*rip}, x86::requested_privilege(*cs)};
}

std::optional<x86::Segment> table_segment(const GuestView& view, const x86::SystemRegisters& system,
                                          std::uint16_t selector) {
    const bool local = (selector & x86::kSelectorOfLdt) != 0;
    const unsigned offset = selector & x86::kSelectorOffset;
    if (local && (system.ldtr.present == 0 || system.ldtr.unusable != 0))
        return std::nullopt;
    const std::uint64_t base = local ? system.ldtr.base : system.gdtr.base;
    const std::uint32_t limit = local ? system.ldtr.limit : system.gdtr.limit;
    if (offset + x86::kDescriptorBytes - 1 > limit)
        return std::nullopt;
    const auto raw = load<std::uint64_t>(view, system, Gva{base + offset});
    if (!raw)
        return std::nullopt;
    const x86::Segment s = x86::decode_descriptor(selector, *raw);
    if (s.present == 0 || s.s == 0)
        return std::nullopt;
    return s;
}

bool may_run_32_bit_user_code(const GuestView& view, const x86::SystemRegisters& system) {
    constexpr std::uint32_t kEntry = x86::kDescriptorBytes;
    if (!load<std::uint64_t>(view, system, Gva{system.gdtr.base}))
        return true;
    for (std::uint32_t selector = kEntry; selector + kEntry - 1 <= system.gdtr.limit; selector += kEntry) {
        const auto segment = table_segment(view, system, static_cast<std::uint16_t>(selector));
        if (segment && (segment->type & x86::descriptor_type::kCode) != 0 && segment->dpl == 3 &&
            segment->l == 0)
            return true;
    }
    return false;
}

}  // namespace ringside::debug
