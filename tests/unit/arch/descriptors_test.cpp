#include "arch/x86_64/descriptors.h"

#include <gtest/gtest.h>

#include <cstring>

namespace ringside::x86 {
namespace {

TEST(Gate, OfLongMode) {
    const Gate gate = decode_gate(0x89ab'ee02'0008'cdef, 0xffffffff);
    EXPECT_EQ(gate.kind, GateKind::Interrupt);
    EXPECT_TRUE(gate.present);
    EXPECT_EQ(gate.offset, 0xffffffff89abcdef);
    EXPECT_EQ(gate.selector, 8);
    EXPECT_EQ(gate.dpl, 3U);
    EXPECT_EQ(gate.stack_table, 2U);
    EXPECT_TRUE(gate.is_interrupt_or_trap());
}

TEST(Gate, Of16BitsHasAShortOffset) {
    const Gate gate = decode_gate(0xffff'8700'0008'1234, 0);
    EXPECT_EQ(gate.kind, GateKind::Trap16);
    EXPECT_EQ(gate.offset, 0x1234U);
}

TEST(Gate, TaskAndCallGatesAreNoInterruptGates) {
    EXPECT_EQ(decode_gate(0x0000'8500'0028'0000, 0).kind, GateKind::Task);
    EXPECT_FALSE(decode_gate(0x0000'8500'0028'0000, 0).is_interrupt_or_trap());
    EXPECT_FALSE(decode_gate(0x0000'8c00'0028'0000, 0).is_interrupt_or_trap());
    EXPECT_EQ(decode_gate(0, 0).kind, GateKind::None);
}

struct DescriptorCase {
    std::uint64_t low;
    bool long_mode;
    const char* words;
};

TEST(Descriptor, InWords) {
    constexpr DescriptorCase kCases[] = {
        {0x00af9b000000ffff, true, "code, execute/read, 64-bit"},
        {0x00cf9b000000ffff, false, "code, execute/read, 32-bit"},
        {0x000f9d000000ffff, false, "code, execute only, conforming, 16-bit"},
        {0x00cf93000000ffff, true, "data, read/write, 32-bit"},
        {0x00cf95000000ffff, false, "data, read only, expand down, 32-bit"},
        {0x00008b0000000067, true, "64-bit TSS, busy"},
        {0x0000890000000067, false, "32-bit TSS, available"},
        {0x000083000000002b, false, "16-bit TSS, busy"},
        {0x0000820000000000, false, "LDT"},
        {0x00008c0000080000, false, "call gate"},
        {0x0000800000000000, false, "reserved"},
    };
    for (const auto& c : kCases)
        EXPECT_EQ(describe_descriptor(decode_descriptor(8, c.low), c.long_mode), c.words);
}

TEST(Descriptor, EncodesWhatItDecodes) {
    constexpr std::uint64_t kDescriptors[] = {0x00af9b000000ffff, 0x12cf'8b34'5678'ffff, 0x000093fffff0ffff,
                                              0x0000820000000000, 0x0010f20000000fff};
    for (const std::uint64_t descriptor : kDescriptors)
        EXPECT_EQ(encode_descriptor(decode_descriptor(8, descriptor)), descriptor);
}

TEST(Descriptor, BaseAndLimit) {
    const Segment s = decode_descriptor(0x30, 0x12cf'8b34'5678'ffff, 0xffffffff);
    EXPECT_EQ(s.base, 0xffffffff12345678);
    EXPECT_EQ(s.limit, 0xffffffffU);
    EXPECT_TRUE(is_wide(s));
    EXPECT_FALSE(is_wide(decode_descriptor(8, 0x00af9b000000ffff)));
}

template <typename T>
void put(std::array<std::byte, 104>& bytes, std::size_t offset, T value) {
    std::memcpy(bytes.data() + offset, &value, sizeof value);
}

TEST(TaskState, Of64Bits) {
    std::array<std::byte, 104> bytes{};
    put<std::uint64_t>(bytes, 4, 0xffff800000001000);
    put<std::uint64_t>(bytes, 0x54, 0x7777);
    put<std::uint16_t>(bytes, 0x66, 104);
    const TaskState state = decode_task_state(bytes, TaskState::Width::Bits64);
    EXPECT_EQ(state.stacks[0], 0xffff800000001000);
    EXPECT_EQ(state.interrupt_stacks[6], 0x7777U);
    EXPECT_EQ(state.io_map, 104);
}

TEST(TaskState, Of32And16Bits) {
    std::array<std::byte, 104> bytes{};
    put<std::uint32_t>(bytes, 12, 0x12345678);
    put<std::uint16_t>(bytes, 16, 0x10);
    put<std::uint32_t>(bytes, 0x1c, 0x5000);
    const TaskState wide = decode_task_state(bytes, TaskState::Width::Bits32);
    EXPECT_EQ(wide.stacks[1], 0x12345678U);
    EXPECT_EQ(wide.stack_segments[1], 0x10);
    EXPECT_EQ(wide.cr3, 0x5000U);
    const TaskState narrow = decode_task_state(bytes, TaskState::Width::Bits16);
    EXPECT_EQ(narrow.stack_segments[2], 0x5678);
    EXPECT_EQ(narrow.io_map, std::nullopt);
}

}  // namespace
}  // namespace ringside::x86
