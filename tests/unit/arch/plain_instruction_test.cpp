// Plain instructions, executed in software and by the processor that runs the test: both must leave the same.

#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <random>
#include <vector>

#include "arch/x86_64/arithmetic.h"
#include "arch/x86_64/control_bits.h"
#include "arch/x86_64/plain_instruction.h"
#include "arch/x86_64/register_numbers.h"
#include "tests/unit/arch/native_instruction.h"

namespace ringside::x86 {
namespace {

constexpr std::size_t kMemory = 256;
using Memory = std::array<std::byte, kMemory>;

class BufferMemory final : public PlainMemory {
  public:
    explicit BufferMemory(Memory& bytes) : bytes_(bytes) {}
    std::optional<std::uint64_t> read(Gva address, unsigned size) override {
        if (!owns(address, size))
            return std::nullopt;
        std::uint64_t value = 0;
        std::memcpy(&value, reinterpret_cast<const void*>(address.value), size);
        return value;
    }
    bool write(Gva address, unsigned size, std::uint64_t value) override {
        if (!writable || !owns(address, size))
            return false;
        std::memcpy(reinterpret_cast<void*>(address.value), &value, size);
        return true;
    }
    std::uint64_t start() const { return reinterpret_cast<std::uint64_t>(bytes_.data()); }
    bool writable = true;

  private:
    bool owns(Gva address, unsigned size) const {
        return address.value >= start() && address.value + size <= start() + kMemory;
    }
    Memory& bytes_;
};

class PlainInstructions : public testing::Test {
  protected:
    PlainInstructions() {
        state.system.cr0 = cr0::kPg | cr0::kPe;
        state.system.cr4 = cr4::kPae;
        state.system.efer = efer::kLme | efer::kLma;
        state.system.cs.l = 1;
        state.general.rip = native.address();
        state.general.rsp = memory.start() + kMemory / 2;
    }
    void be_32_bit() {
        state.system.efer = 0;
        for (Segment* each : {&state.system.cs, &state.system.ds, &state.system.ss})
            *each = {.limit = 0xffffffff, .type = 3, .s = 1, .present = 1, .db = 1};
        state.system.cs.type = 11;
        state.general.rip = 0x1000;
    }
    static std::vector<std::byte> code(const std::vector<int>& values) {
        std::vector<std::byte> bytes;
        for (const int value : values)
            bytes.push_back(static_cast<std::byte>(value));
        return bytes;
    }
    std::optional<GeneralRegisters> execute(const std::vector<int>& instruction) {
        return execute_plain(code(instruction), state.general, state.system, memory);
    }
    void randomize() {
        for (unsigned number = 0; number < 16; ++number)
            numbered(state.general, number) = interesting();
        for (std::byte& each : bytes)
            each = static_cast<std::byte>(random());
        state.general.rflags = 2 | (random() & kArithmeticFlags);
    }
    // Values around the edges, which flags depend on, are as likely as others.
    std::uint64_t interesting() {
        static constexpr std::uint64_t kEdges[]{
            0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0x7fffffff, 0x80000000, 0xffffffff, 1ULL << 63, ~0ULL};
        return random() % 2 == 0 ? kEdges[random() % std::size(kEdges)] : random();
    }
    // Executes it both ways and compares. Returns false if it is none of the plain ones.
    bool agrees(const std::vector<std::byte>& instruction) {
        const Memory before = bytes;
        const auto ours = execute_plain(instruction, state.general, state.system, memory);
        if (!ours) {
            EXPECT_EQ(bytes, before) << "nothing has happened";
            return false;
        }
        const Memory after = bytes;
        bytes = before;
        auto theirs = native.run(instruction, state.general);
        theirs.rip = state.general.rip + instruction.size();
        theirs.rflags &= kArithmeticFlags;
        auto compared = *ours;
        compared.rflags &= kArithmeticFlags;
        EXPECT_EQ(compared, theirs) << testing::PrintToString(instruction);
        EXPECT_EQ(after, bytes) << testing::PrintToString(instruction);
        EXPECT_EQ(ours->rflags & ~kArithmeticFlags, state.general.rflags & ~kArithmeticFlags);
        return true;
    }

    std::mt19937_64 random{1};
    NativeInstruction native;
    alignas(16) Memory bytes{};
    BufferMemory memory{bytes};
    CpuState state;
};

struct Encoding {
    std::vector<int> opcode;
    bool modrm = true;
    int digit = -1;               // what ModRM's middle field has to be; -1: any
    std::size_t immediate = 0;    // bytes, or kWhole: that of the operand, 4 at most
    bool full_immediate = false;  // 8 bytes with REX.W
};
constexpr std::size_t kWhole = 99;

std::vector<Encoding> encodings() {
    std::vector<Encoding> all;
    for (int row = 0; row < 0x40; row += 8) {
        for (const int form : {0, 1, 2, 3})
            all.push_back({{row | form}});
        all.push_back({{row | 4}, false, -1, 1});
        all.push_back({{row | 5}, false, -1, kWhole});
    }
    for (int low = 0; low < 8; ++low) {
        all.push_back({{0xb0 | low}, false, -1, 1});
        all.push_back({{0xb8 | low}, false, -1, kWhole, true});
        all.push_back({{0x80}, true, low, 1});
        all.push_back({{0x81}, true, low, kWhole});
        all.push_back({{0x83}, true, low, 1});
    }
    for (const int each : {0x84, 0x85, 0x88, 0x89, 0x8a, 0x8b, 0x8d, 0x63})
        all.push_back({{each}});
    all.push_back({{0xa8}, false, -1, 1});
    all.push_back({{0xa9}, false, -1, kWhole});
    all.push_back({{0xc6}, true, 0, 1});
    all.push_back({{0xc7}, true, 0, kWhole});
    all.push_back({{0xf6}, true, 0, 1});
    all.push_back({{0xf7}, true, 0, kWhole});
    for (const int digit : {2, 3}) {
        all.push_back({{0xf6}, true, digit});
        all.push_back({{0xf7}, true, digit});
    }
    for (const int digit : {0, 1}) {
        all.push_back({{0xfe}, true, digit});
        all.push_back({{0xff}, true, digit});
    }
    for (int low = 0; low < 16; ++low) {
        all.push_back({{0x0f, 0x40 | low}});
        all.push_back({{0x0f, 0x90 | low}});
    }
    for (const int each : {0xb6, 0xb7, 0xbe, 0xbf, 0x1f})
        all.push_back({{0x0f, each}});
    all.push_back({{0x90}, false});
    return all;
}

class Arrangement : public PlainInstructions {
  protected:
    void put(int byte) { instruction.push_back(static_cast<std::byte>(byte)); }
    void put_displacement(std::uint64_t value, unsigned size) {
        for (unsigned i = 0; i < size; ++i)
            put(static_cast<int>(value >> 8 * i & 0xff));
    }
    // Prefixes, opcode, operands and immediate by chance; what the operand in memory points at is the buffer.
    void arrange(const Encoding& encoding) {
        instruction.clear();
        randomize();
        const bool word = random() % 4 == 0;
        const bool has_rex = random() % 2 == 0;
        const auto rex = has_rex ? 0x40 | static_cast<int>(random() % 16) : 0;
        if (word)
            put(0x66);
        if (has_rex)
            put(rex);
        for (const int byte : encoding.opcode)
            put(byte);
        if (encoding.modrm)
            put_modrm(encoding, rex);
        std::size_t size = encoding.immediate;
        if (size == kWhole)
            size = (rex & 8) != 0 ? (encoding.full_immediate ? 8 : 4) : word ? 2 : 4;
        put_displacement(random(), static_cast<unsigned>(size));
    }
    void put_modrm(const Encoding& encoding, int rex) {
        const int middle = (encoding.digit >= 0 ? encoding.digit : static_cast<int>(random() % 8)) << 3;
        const int low = static_cast<int>(random() % 8);
        const int mode = static_cast<int>(random() % 4);
        put(mode << 6 | middle | low);
        if (mode == 3)
            return;
        const std::uint64_t target = memory.start() + 8 + random() % (kMemory - 16);
        int base = low | (rex & 1) << 3;
        std::uint64_t index = 0;
        if (low == 4) {
            const auto sib = static_cast<int>(random() % 256);
            put(sib);
            base = (sib & 7) | (rex & 1) << 3;
            const unsigned number = static_cast<unsigned>(sib >> 3 & 7) | (static_cast<unsigned>(rex) & 2)
                                                                              << 2;
            if (number != 4 && number == static_cast<unsigned>(base))
                numbered(state.general, number) = 0;  // the address would need a division
            index = number == 4 ? 0 : numbered(state.general, number) << (sib >> 6);
        }
        if (mode == 0 && low != 4 && low == 5)
            return put_displacement(target, 4);  // relative to RIP: hits the buffer only by chance
        if (mode == 0 && low == 4 && (base & 7) == 5)
            return put_displacement(random(), 4);
        const std::uint64_t displacement = mode == 0 ? 0 : mode == 1 ? 0x11 : 0xfffffffffffff123;
        numbered(state.general, static_cast<unsigned>(base)) = target - displacement - index;
        put_displacement(displacement, mode == 0 ? 0 : mode == 1 ? 1 : 4);
    }
    std::vector<std::byte> instruction;
};

TEST_F(Arrangement, AllDoWhatTheProcessorDoes) {
    constexpr int kRounds = 300;
    for (const Encoding& encoding : encodings()) {
        int executed = 0;
        for (int round = 0; round < kRounds && !HasFailure(); ++round) {
            arrange(encoding);
            executed += agrees(instruction) ? 1 : 0;
        }
        EXPECT_GT(executed, kRounds / 20) << testing::PrintToString(encoding.opcode);
    }
}

TEST_F(PlainInstructions, TheStackIsUsedAsTheProcessorUsesIt) {
    for (int number = 0; number < 8; ++number) {
        for (const int rex : {0x40, 0x41}) {
            for (const int opcode : {0x50, 0x58}) {
                randomize();
                state.general.rsp = memory.start() + kMemory / 2;
                EXPECT_TRUE(agrees(code({rex, opcode | number})));
            }
        }
    }
    state.general.rsp = memory.start() + kMemory / 2;
    state.general.rbp = memory.start() + 16;
    EXPECT_TRUE(agrees(code({0x68, 1, 2, 3, 0x84})));
    EXPECT_TRUE(agrees(code({0x6a, 0x80})));
    EXPECT_TRUE(agrees(code({0xc9})));
}

TEST_F(PlainInstructions, JumpsGoWhereTheConditionSays) {
    for (int condition = 0; condition < 16; ++condition) {
        for (int round = 0; round < 32; ++round) {
            randomize();
            // setcc %al tells what the processor makes of the flags.
            const auto seen = native.run(code({0x0f, 0x90 | condition, 0xc0}), state.general);
            const std::uint64_t start = state.general.rip;
            const std::uint64_t near = (seen.rax & 1) != 0 ? start + 2 - 16 : start + 2;
            const std::uint64_t far = (seen.rax & 1) != 0 ? start + 6 + 0x12345 : start + 6;
            EXPECT_EQ(execute({0x70 | condition, 0xf0})->rip, near);
            EXPECT_EQ(execute({0x0f, 0x80 | condition, 0x45, 0x23, 1, 0})->rip, far);
        }
    }
    EXPECT_EQ(execute({0xeb, 0x10})->rip, state.general.rip + 0x12);
    EXPECT_EQ(execute({0xe9, 0, 0, 0, 0x80})->rip, state.general.rip + 5 - 0x80000000);
}

TEST_F(PlainInstructions, CallsReturn) {
    const auto in = execute({0xe8, 0, 1, 0, 0});
    ASSERT_TRUE(in);
    EXPECT_EQ(in->rip, state.general.rip + 5 + 0x100);
    EXPECT_EQ(in->rsp, state.general.rsp - 8);
    EXPECT_EQ(memory.read(Gva{in->rsp}, 8), state.general.rip + 5);
    const std::uint64_t behind = state.general.rip + 5;
    state.general = *in;
    const auto out = execute({0xc3});
    ASSERT_TRUE(out);
    EXPECT_EQ(out->rip, behind);
    EXPECT_EQ(out->rsp, in->rsp + 8);
}

TEST_F(PlainInstructions, NothingLeavesTheAddressesThereAre) {
    ASSERT_TRUE(memory.write(Gva{state.general.rsp}, 8, 0x800000000000));
    EXPECT_FALSE(execute({0xc3})) << "#GP";
    state.general.rip = 0x7ffffffffff0;
    EXPECT_FALSE(execute({0xe8, 0, 1, 0, 0})) << "#GP";
    EXPECT_FALSE(execute({0xeb, 0x7f})) << "#GP";
}

TEST_F(PlainInstructions, WhatCannotBeWrittenIsLeftAlone) {
    memory.writable = false;
    EXPECT_FALSE(execute({0x50})) << "push";
    EXPECT_FALSE(execute({0xff, 0x04, 0x24})) << "incl (%rsp)";
    EXPECT_TRUE(execute({0x8b, 0x04, 0x24})) << "mov (%rsp), %eax";
}

TEST_F(PlainInstructions, OthersAreLeftAlone) {
    const std::vector<std::vector<int>> kOthers{{0xf0, 0xff, 0x04, 0x24},  // lock incl (%rsp)
                                                {0x65, 0x8b, 0x04, 0x24},  // mov %gs:(%rsp), %eax
                                                {0x67, 0x8b, 0x04, 0x24},  // mov (%esp), %eax
                                                {0xf3, 0x90},              // pause
                                                {0x41, 0x90},              // xchg %r8, %rax
                                                {0x66, 0x50},              // push %ax
                                                {0x66, 0xeb, 0x10},  // a jump that processors do not agree on
                                                {0xd1, 0xe0},        // shl %eax
                                                {0xf7, 0xe0},        // mul %eax
                                                {0xf7, 0xf0},        // div %eax
                                                {0x8d, 0xc0},        // lea with a register: #UD
                                                {0xc7, 0xc8, 0, 0, 0, 0},  // another digit: #UD
                                                {0x82, 0xc0, 1},           // #UD in 64-bit mode
                                                {0x8e, 0xd0},              // mov %eax, %ss
                                                {0xfa},                    // cli
                                                {0xcc},                    // int3
                                                {0xf3, 0x0f, 0x1e, 0xc8},  // rdsspd
                                                {0x0f, 0x05},              // syscall
                                                {0x05, 1, 2, 3},           // add with half an immediate
                                                {0x8b, 0x05, 0, 0},        // half a displacement
                                                {}};
    for (const auto& each : kOthers)
        EXPECT_FALSE(execute(each)) << testing::PrintToString(code(each));
}

TEST_F(PlainInstructions, EndbrDoesNothingWithoutCet) {
    const auto after = execute({0xf3, 0x0f, 0x1e, 0xfa});
    ASSERT_TRUE(after);
    auto expected = state.general;
    expected.rip += 4;
    EXPECT_EQ(*after, expected);
    state.system.cr4 |= cr4::kCet;
    EXPECT_FALSE(execute({0xf3, 0x0f, 0x1e, 0xfa}));
    EXPECT_FALSE(execute({0x90}));
}

TEST_F(PlainInstructions, AnAddressMayBeRelativeToRip) {
    const auto after = execute({0x48, 0x8d, 0x05, 0xff, 0xff, 0xff, 0xff});  // lea -1(%rip), %rax
    ASSERT_TRUE(after);
    EXPECT_EQ(after->rax, state.general.rip + 6);
}

TEST_F(PlainInstructions, TheInstructionEndsRf) {
    state.general.rflags = 2 | rflags::kRf | rflags::kIf;
    EXPECT_EQ(execute({0x90})->rflags, 2 | rflags::kIf);
}

TEST_F(PlainInstructions, ThirtyTwoBitCodeKeepsToThirtyTwoBits) {
    be_32_bit();
    state.general.rax = 0xffffffff;
    EXPECT_EQ(execute({0x40})->rax, 0U) << "inc %eax";
    EXPECT_EQ(execute({0x40})->rip, 0x1001U);
    EXPECT_EQ(execute({0x48})->rax, 0xfffffffeU) << "dec %eax";
    EXPECT_EQ(execute({0x8d, 0x40, 2})->rax, 1U) << "lea 2(%eax), %eax";
    EXPECT_EQ(execute({0x8d, 0x05, 0, 0, 0, 0x80})->rax, 0x80000000U) << "not relative to EIP";
    EXPECT_EQ(execute({0xe9, 0, 0xf0, 0xff, 0xff})->rip, 5U);
    EXPECT_EQ(execute({0xe9, 0xf0, 0xef, 0xff, 0xff})->rip, 0xfffffff5U) << "EIP wraps";
    EXPECT_FALSE(execute({0x63, 0xc0})) << "arpl";
}

TEST_F(PlainInstructions, SegmentsThatAreNotFlatAreLeftAlone) {
    be_32_bit();
    ASSERT_TRUE(execute({0x90}));
    const CpuState flat = state;
    state.system.ds.base = 16;
    EXPECT_FALSE(execute({0x90}));
    state = flat;
    state.system.cs.limit = 0xfffff;
    EXPECT_FALSE(execute({0x90}));
    state = flat;
    state.system.ss.type = 7;
    EXPECT_FALSE(execute({0x90})) << "expands down";
    state = flat;
    state.system.ds.type = 1;
    EXPECT_FALSE(execute({0x90})) << "read-only";
    state = flat;
    state.system.cs.db = 0;
    EXPECT_FALSE(execute({0x90})) << "16-bit code";
    state = flat;
    state.system.ss.db = 0;
    EXPECT_FALSE(execute({0x90})) << "a 16-bit stack";
    state = flat;
    state.system.ds.unusable = 1;
    EXPECT_FALSE(execute({0x90}));
    state = flat;
    state.system.cr0 = 0;
    EXPECT_FALSE(execute({0x90})) << "real mode";
}

}  // namespace
}  // namespace ringside::x86
