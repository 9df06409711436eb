#include "arch/x86_64/descriptors.h"

#include <cstring>

namespace ringside::x86 {

namespace {

bool is_call_gate(unsigned type) {
    return type == 4 || type == 0xc;
}

bool is_tss(unsigned type) {
    return type == 1 || type == 3 || type == 9 || type == 0xb;
}

GateKind gate_kind(unsigned type) {
    switch (type) {
        case 4:
            return GateKind::Call16;
        case 5:
            return GateKind::Task;
        case 6:
            return GateKind::Interrupt16;
        case 7:
            return GateKind::Trap16;
        case 0xc:
            return GateKind::Call;
        case 0xe:
            return GateKind::Interrupt;
        case 0xf:
            return GateKind::Trap;
        default:
            return GateKind::None;
    }
}

bool is_16_bit(GateKind kind) {
    return kind == GateKind::Interrupt16 || kind == GateKind::Trap16 || kind == GateKind::Call16;
}

std::string describe_code_or_data(const Segment& s) {
    const bool code = (s.type & descriptor_type::kCode) != 0, second = (s.type & 4) != 0,
               third = (s.type & 2) != 0;
    std::string text;
    if (code) {
        text = third ? "code, execute/read" : "code, execute only";
        text += second ? ", conforming" : "";
        return text + (s.l != 0 ? ", 64-bit" : s.db != 0 ? ", 32-bit" : ", 16-bit");
    }
    text = third ? "data, read/write" : "data, read only";
    text += second ? ", expand down" : "";
    return text + (s.db != 0 ? ", 32-bit" : ", 16-bit");
}

std::string describe_system(const Segment& s, bool long_mode) {
    if (s.type == descriptor_type::kLdt)
        return "LDT";
    if (is_tss(s.type)) {
        const std::string width = s.type < 8 ? "16-bit" : long_mode ? "64-bit" : "32-bit";
        return width + ((s.type & 2) != 0 ? " TSS, busy" : " TSS, available");
    }
    if (const GateKind kind = gate_kind(s.type); kind != GateKind::None)
        return std::string(name(kind)) + " gate";
    return "reserved";
}

template <typename T>
T field(std::span<const std::byte> bytes, std::size_t offset) {
    T value{};
    std::memcpy(&value, bytes.subspan(offset, sizeof value).data(), sizeof value);
    return value;
}

}  // namespace

std::string_view name(GateKind kind) {
    constexpr std::array<std::string_view, 8> kNames{"none",      "task", "16-bit interrupt", "16-bit trap",
                                                     "interrupt", "trap", "16-bit call",      "call"};
    return kNames[static_cast<unsigned>(kind)];
}

Gate decode_gate(std::uint64_t low, std::uint64_t high) {
    Gate gate;
    gate.kind = gate_kind(static_cast<unsigned>(low >> 40 & 0x1f));
    gate.present = (low >> 47 & 1) != 0;
    gate.selector = static_cast<std::uint16_t>(low >> 16);
    gate.dpl = static_cast<unsigned>(low >> 45 & 3);
    gate.stack_table = static_cast<unsigned>(low >> 32 & 7);
    if (gate.kind != GateKind::Task)
        gate.offset = (low & 0xffff) | (is_16_bit(gate.kind) ? 0 : low >> 48 << 16) | high << 32;
    return gate;
}

Segment decode_descriptor(std::uint16_t selector, std::uint64_t low, std::uint64_t high) {
    const auto bits = [&](unsigned from, unsigned count) {
        return static_cast<std::uint8_t>(low >> from & ((1U << count) - 1));
    };
    Segment s;
    s.selector = selector;
    s.base = (low >> 16 & 0xffffff) | (low >> 56 << 24) | high << 32;
    s.limit = static_cast<std::uint32_t>((low & 0xffff) | (low >> 48 & 0xf) << 16);
    s.type = bits(40, 4), s.s = bits(44, 1), s.dpl = bits(45, 2), s.present = bits(47, 1);
    s.avl = bits(52, 1), s.l = bits(53, 1), s.db = bits(54, 1), s.g = bits(55, 1);
    if (s.g != 0)
        s.limit = s.limit << 12 | 0xfff;
    return s;
}

std::uint64_t encode_descriptor(const Segment& segment) {
    const std::uint64_t limit = segment.g != 0 ? segment.limit >> 12 : segment.limit;
    return (limit & 0xffff) | (segment.base & 0xffffff) << 16 | std::uint64_t{segment.type} << 40 |
           std::uint64_t{segment.s} << 44 | std::uint64_t{segment.dpl} << 45 |
           std::uint64_t{segment.present} << 47 | (limit >> 16 & 0xf) << 48 |
           std::uint64_t{segment.avl} << 52 | std::uint64_t{segment.l} << 53 |
           std::uint64_t{segment.db} << 54 | std::uint64_t{segment.g} << 55 |
           (segment.base >> 24 & 0xff) << 56;
}

bool is_wide(const Segment& descriptor) {
    return descriptor.s == 0 && (descriptor.type == descriptor_type::kLdt || is_tss(descriptor.type) ||
                                 is_call_gate(descriptor.type));
}

std::string describe_descriptor(const Segment& descriptor, bool long_mode) {
    return descriptor.s != 0 ? describe_code_or_data(descriptor) : describe_system(descriptor, long_mode);
}

std::size_t task_state_size(TaskState::Width width) {
    switch (width) {
        case TaskState::Width::Bits16:
            return 44;
        case TaskState::Width::Bits32:
        case TaskState::Width::Bits64:
            return 104;
    }
    return 0;
}

TaskState::Width task_state_width(const Segment& tr, bool long_mode) {
    if (long_mode)
        return TaskState::Width::Bits64;
    return tr.type < 8 ? TaskState::Width::Bits16 : TaskState::Width::Bits32;
}

TaskState decode_task_state(std::span<const std::byte> bytes, TaskState::Width width) {
    TaskState state;
    state.width = width;
    if (width == TaskState::Width::Bits64) {
        for (std::size_t i = 0; i < state.stacks.size(); ++i)
            state.stacks[i] = field<std::uint64_t>(bytes, 4 + 8 * i);
        for (std::size_t i = 0; i < state.interrupt_stacks.size(); ++i)
            state.interrupt_stacks[i] = field<std::uint64_t>(bytes, 0x24 + 8 * i);
        state.io_map = field<std::uint16_t>(bytes, 0x66);
        return state;
    }
    const bool wide = width == TaskState::Width::Bits32;
    state.back_link = field<std::uint16_t>(bytes, 0);
    for (std::size_t i = 0; i < state.stacks.size(); ++i) {
        state.stacks[i] =
            wide ? field<std::uint32_t>(bytes, 4 + 8 * i) : field<std::uint16_t>(bytes, 2 + 4 * i);
        state.stack_segments[i] = field<std::uint16_t>(bytes, wide ? 8 + 8 * i : 4 + 4 * i);
    }
    if (wide) {
        state.cr3 = field<std::uint32_t>(bytes, 0x1c);
        state.io_map = field<std::uint16_t>(bytes, 0x66);
    }
    return state;
}

}  // namespace ringside::x86
