#include "arch/x86_64/decode.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <barrier>
#include <thread>

#include "arch/x86_64/control_bits.h"

namespace ringside::x86 {
namespace {

using Bytes = std::vector<std::uint8_t>;
using testing::ElementsAre;
using testing::ElementsAreArray;
using testing::IsEmpty;

std::span<const std::byte> span_of(const Bytes& bytes) {
    return std::as_bytes(std::span(bytes));
}

// 64-bit mode with a distinct value in each register that the table below uses.
CpuState state64() {
    CpuState state;
    state.system.cr0 = cr0::kPe | cr0::kPg;
    state.system.efer = efer::kLme | efer::kLma;
    state.system.cs.l = 1;
    state.system.gs.base = 0xffff888000000000;
    state.general.rax = 0x10000;
    state.general.rbx = 0x20000;
    state.general.rcx = 3;
    state.general.rsi = 0x60000;
    state.general.rdi = 0x70000;
    state.general.rbp = 0x80000;
    state.general.rsp = 0x90000;
    state.general.rip = 0x400000;
    return state;
}

CpuState state16() {
    CpuState state;
    state.system.cr0 = cr0::kEt;
    state.system.ds = {.base = 0x1000};
    state.system.es = {.base = 0x20000};
    state.system.ss = {.base = 0x30000};
    state.general.rbx = 0x12340010;
    state.general.rsi = 0xffff;
    state.general.rdi = 0x8;
    state.general.rbp = 0x100;
    state.general.rsp = 0xdead0000;
    return state;
}

TEST(Disassemble, FollowsTheMode) {
    const Decoder decoder;
    const Bytes code{0xb8, 0x34, 0x12, 0x00, 0x00};
    EXPECT_EQ(decoder.disassemble(span_of(code), Gva{0}, CpuMode::Real)->text, "mov ax, 0x1234");
    EXPECT_EQ(decoder.disassemble(span_of(code), Gva{0}, CpuMode::Real)->length, 3);
    EXPECT_EQ(decoder.disassemble(span_of(code), Gva{0}, CpuMode::Protected32)->text, "mov eax, 0x1234");
    EXPECT_EQ(decoder.disassemble(span_of({0x48, 0x89, 0xe5}), Gva{0}, CpuMode::Long64)->text,
              "mov rbp, rsp");
    EXPECT_EQ(decoder.disassemble(span_of({0xeb, 0xfe}), Gva{0x7c00}, CpuMode::Real)->text, "jmp 0x7c00");
}

TEST(Disassemble, SaysWhatLeavesToAHypervisor) {
    const Decoder decoder;
    const auto in_long_mode = [&](const Bytes& code) {
        return decoder.disassemble(span_of(code), Gva{0}, CpuMode::Long64).value();
    };
    const std::pair<Bytes, std::uint8_t> ports[] = {
        {{0xe4, 0x80}, 1},        // in al, 0x80
        {{0x66, 0xed}, 2},        // in ax, dx
        {{0xed}, 4},              // in eax, dx
        {{0xe6, 0x80}, 1},        // out 0x80, al
        {{0x66, 0xef}, 2},        // out dx, ax
        {{0xef}, 4},              // out dx, eax
        {{0x6c}, 1},              // insb
        {{0xf3, 0x66, 0x6d}, 2},  // rep insw
        {{0x6f}, 4},              // outsd
    };
    for (const auto& [code, bytes] : ports) {
        const auto found = in_long_mode(code);
        EXPECT_EQ(found.kind, InstructionKind::Port) << found.text;
        EXPECT_EQ(found.port_bytes, bytes) << found.text;
    }
    EXPECT_EQ(in_long_mode({0x0f, 0x32}).kind, InstructionKind::Rdmsr);
    EXPECT_EQ(in_long_mode({0x0f, 0x30}).kind, InstructionKind::Wrmsr);
    EXPECT_EQ(in_long_mode({0xf4}).kind, InstructionKind::Hlt);
    EXPECT_EQ(in_long_mode({0x90}).kind, InstructionKind::Other);
    EXPECT_TRUE(in_long_mode({0x8b, 0x03}).has_memory_operand);
    EXPECT_FALSE(in_long_mode({0x89, 0xd8}).has_memory_operand);
}

// As each vCPU's thread has its own. ThreadSanitizer sees whether the decoders share anything.
TEST(Disassemble, DecodesInSeveralThreadsAtOnce) {
    constexpr int kThreads = 4;
    std::barrier ready(kThreads);
    std::array<std::string, kThreads> texts;
    {
        std::vector<std::jthread> threads;
        threads.reserve(kThreads);
        for (std::string& text : texts) {
            threads.emplace_back([&ready, &text] {
                const Decoder decoder;
                ready.arrive_and_wait();
                text = decoder.disassemble(span_of({0xec}), Gva{0}, CpuMode::Long64)->text;
            });
        }
    }
    EXPECT_THAT(texts, testing::Each("in al, dx"));
}

TEST(Disassemble, RefusesWhatIsNoInstruction) {
    const Decoder decoder;
    EXPECT_FALSE(decoder.disassemble({}, Gva{0}, CpuMode::Long64));
    EXPECT_FALSE(decoder.disassemble(span_of({0x48, 0x8b}), Gva{0}, CpuMode::Long64));
    EXPECT_FALSE(decoder.disassemble(span_of({0x06}), Gva{0}, CpuMode::Long64));  // PUSH ES
    EXPECT_TRUE(decoder.disassemble(span_of({0x06}), Gva{0}, CpuMode::Protected32));
}

struct Case {
    const char* label;
    Bytes bytes;
    std::vector<MemoryAccess> expected;
    bool complete = true;
};

constexpr MemoryAccess read(std::uint64_t gva, std::uint64_t size) {
    return {Gva{gva}, size, true, false};
}
constexpr MemoryAccess write(std::uint64_t gva, std::uint64_t size) {
    return {Gva{gva}, size, false, true};
}
constexpr MemoryAccess both(std::uint64_t gva, std::uint64_t size) {
    return {Gva{gva}, size, true, true};
}

class Accesses64 : public testing::TestWithParam<Case> {};

TEST_P(Accesses64, AreFound) {
    const Decoder decoder;
    const auto accesses = decoder.memory_accesses(span_of(GetParam().bytes), state64());
    ASSERT_TRUE(accesses);
    EXPECT_THAT(accesses->list(), ElementsAreArray(GetParam().expected));
    EXPECT_EQ(accesses->complete(), GetParam().complete);
    EXPECT_EQ(accesses->instruction_length(), GetParam().bytes.size());
}

std::string label(const testing::TestParamInfo<Case>& test) {
    return test.param.label;
}

INSTANTIATE_TEST_SUITE_P(
    Moves, Accesses64,
    testing::Values(
        Case{"Nop", {0x90}, {}}, Case{"MovStore", {0x89, 0x18}, {write(0x10000, 4)}},
        Case{"MovLoad", {0x8b, 0x18}, {read(0x10000, 4)}},
        Case{"MovImmediate", {0xc7, 0x00, 5, 0, 0, 0}, {write(0x10000, 4)}},
        Case{"ScaledIndex", {0x48, 0x8b, 0x54, 0x88, 0xf8}, {read(0x10000 + 3 * 4 - 8, 8)}},
        Case{"RipRelative", {0x48, 0x8b, 0x1d, 0x10, 0, 0, 0}, {read(0x400017, 8)}},
        Case{"GsBase", {0x65, 0x48, 0x8b, 0x1c, 0x25, 0x10, 0, 0, 0}, {read(0xffff888000000010, 8)}},
        Case{"DsOverrideHasNoBase", {0x3e, 0x8b, 0x18}, {read(0x10000, 4)}},
        Case{"AddressSize32", {0x67, 0x8b, 0x18}, {read(0x10000, 4)}},
        Case{"Moffs", {0xa3, 0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11}, {write(0x1122334455667788, 4)}},
        Case{"Lea", {0x48, 0x8d, 0x18}, {}}, Case{"LongNop", {0x0f, 0x1f, 0x00}, {}},
        Case{"Prefetch", {0x0f, 0x18, 0x08}, {}}, Case{"Clflush", {0x0f, 0xae, 0x38}, {}},
        Case{"Invlpg", {0x0f, 0x01, 0x38}, {}}, Case{"Xlat", {0xd7}, {read(0x20000, 1)}}),
    label);

INSTANTIATE_TEST_SUITE_P(Arithmetic, Accesses64,
                         testing::Values(Case{"AddTo", {0x01, 0x18}, {both(0x10000, 4)}},
                                         Case{"AddFrom", {0x03, 0x18}, {read(0x10000, 4)}},
                                         Case{"Cmp", {0x39, 0x18}, {read(0x10000, 4)}},
                                         Case{"Test", {0x85, 0x18}, {read(0x10000, 4)}},
                                         Case{"Inc", {0xff, 0x00}, {both(0x10000, 4)}},
                                         Case{"Neg", {0xf7, 0x18}, {both(0x10000, 4)}},
                                         Case{"Rcl", {0xc1, 0x10, 3}, {both(0x10000, 4)}},
                                         Case{"Mul", {0xf7, 0x20}, {read(0x10000, 4)}},
                                         Case{"Xchg", {0x87, 0x18}, {both(0x10000, 4)}},
                                         Case{"Xadd", {0xf0, 0x0f, 0xc1, 0x18}, {both(0x10000, 4)}},
                                         Case{"Cmpxchg", {0xf0, 0x0f, 0xb1, 0x18}, {both(0x10000, 4)}},
                                         Case{"Cmpxchg8b", {0x0f, 0xc7, 0x08}, {both(0x10000, 8)}},
                                         Case{"Cmpxchg16b", {0x48, 0x0f, 0xc7, 0x08}, {both(0x10000, 16)}},
                                         Case{"Sete", {0x0f, 0x94, 0x00}, {write(0x10000, 1)}},
                                         Case{"Movbe", {0x0f, 0x38, 0xf1, 0x18}, {write(0x10000, 4)}},
                                         // EBX = 0x20000 bits: 0x4000 bytes further on.
                                         Case{"BtsBeyondItsOperand", {0x0f, 0xab, 0x18}, {both(0x14000, 4)}},
                                         Case{"BtImmediate", {0x0f, 0xba, 0x20, 5}, {read(0x10000, 4)}}),
                         label);

INSTANTIATE_TEST_SUITE_P(
    Stack, Accesses64,
    testing::Values(
        Case{"Push", {0x50}, {write(0x8fff8, 8)}}, Case{"Push16", {0x66, 0x50}, {write(0x8fffe, 2)}},
        Case{"PushImmediate", {0x6a, 5}, {write(0x8fff8, 8)}},
        Case{"PushMemory", {0xff, 0x30}, {read(0x10000, 8), write(0x8fff8, 8)}},
        Case{"Pop", {0x5b}, {read(0x90000, 8)}},
        Case{"PopMemory", {0x8f, 0x00}, {write(0x10000, 8), read(0x90000, 8)}},
        Case{"PopToStack", {0x8f, 0x04, 0x24}, {write(0x90008, 8), read(0x90000, 8)}},
        Case{"Call", {0xe8, 0, 0, 0, 0}, {write(0x8fff8, 8)}},
        Case{"CallMemory", {0xff, 0x10}, {read(0x10000, 8), write(0x8fff8, 8)}},
        Case{"JumpMemory", {0xff, 0x20}, {read(0x10000, 8)}}, Case{"Ret", {0xc3}, {read(0x90000, 8)}},
        Case{"Leave", {0xc9}, {read(0x80000, 8)}}, Case{"Enter", {0xc8, 16, 0, 0}, {write(0x8fff8, 8)}},
        Case{"Pushfq", {0x9c}, {write(0x8fff8, 8)}}, Case{"Iretq", {0x48, 0xcf}, {read(0x90000, 40)}, false},
        Case{"Int", {0xcd, 0x80}, {}, false}),
    label);

INSTANTIATE_TEST_SUITE_P(
    Vectors, Accesses64,
    testing::Values(Case{"MovapsStore", {0x0f, 0x29, 0x08}, {write(0x10000, 16)}},
                    Case{"MovupsStore", {0x0f, 0x11, 0x08}, {write(0x10000, 16)}},
                    Case{"MovdqaStore", {0x66, 0x0f, 0x7f, 0x08}, {write(0x10000, 16)}},
                    Case{"MovqStore", {0x66, 0x0f, 0xd6, 0x08}, {write(0x10000, 8)}},
                    Case{"MovsdIsNoString", {0xf2, 0x0f, 0x11, 0x00}, {write(0x10000, 8)}},
                    Case{"Addps", {0x0f, 0x58, 0x00}, {read(0x10000, 16)}},
                    Case{"VmovdqaStore", {0xc5, 0xfd, 0x7f, 0x08}, {write(0x10000, 32)}},
                    Case{"VextractStore", {0xc4, 0xe3, 0x7d, 0x39, 0x08, 1}, {write(0x10000, 16)}},
                    Case{"Fld", {0xdd, 0x00}, {read(0x10000, 8)}},
                    Case{"Fst", {0xd9, 0x10}, {write(0x10000, 4)}},
                    Case{"Fistp", {0xdf, 0x18}, {write(0x10000, 2)}},
                    Case{"Stmxcsr", {0x0f, 0xae, 0x18}, {write(0x10000, 4)}},
                    Case{"Fxsave", {0x0f, 0xae, 0x00}, {write(0x10000, 512)}},
                    Case{"XsaveDependsOnXcr0", {0x0f, 0xae, 0x20}, {}, false},
                    Case{"Gather", {0xc4, 0xe2, 0x61, 0x90, 0x0c, 0x90}, {}, false}),
    label);

INSTANTIATE_TEST_SUITE_P(
    Strings, Accesses64,
    testing::Values(Case{"Movsb", {0xa4}, {write(0x70000, 1), read(0x60000, 1)}},
                    Case{"RepMovsqOnce", {0xf3, 0x48, 0xa5}, {write(0x70000, 8), read(0x60000, 8)}},
                    Case{"Stosd", {0xab}, {write(0x70000, 4)}}, Case{"Lodsb", {0xac}, {read(0x60000, 1)}},
                    Case{"Scasb", {0xae}, {read(0x70000, 1)}},
                    Case{"Cmpsb", {0xa6}, {read(0x60000, 1), read(0x70000, 1)}},
                    Case{"Insb", {0x6c}, {write(0x70000, 1)}}, Case{"Outsb", {0x6e}, {read(0x60000, 1)}}),
    label);

TEST(MemoryAccesses, CoversAllIterationsOfRep) {
    const Decoder decoder;
    CpuState state = state64();
    const Bytes rep_movsq{0xf3, 0x48, 0xa5};
    auto accesses = decoder.memory_accesses(span_of(rep_movsq), state, RepeatScope::AllIterations);
    EXPECT_THAT(accesses->list(), ElementsAre(write(0x70000, 24), read(0x60000, 24)));
    state.general.rflags |= rflags::kDf;
    accesses = decoder.memory_accesses(span_of(rep_movsq), state, RepeatScope::AllIterations);
    EXPECT_THAT(accesses->list(), ElementsAre(write(0x70000 - 16, 24), read(0x60000 - 16, 24)));
    state.general.rcx = 0;
    accesses = decoder.memory_accesses(span_of(rep_movsq), state);
    EXPECT_THAT(accesses->list(), IsEmpty());
}

TEST(MemoryAccesses, BoundsAHostileRepCount) {
    const Decoder decoder;
    CpuState state = state64();
    state.general.rcx = ~std::uint64_t{0};
    const auto accesses =
        decoder.memory_accesses(span_of({0xf3, 0x48, 0xab}), state, RepeatScope::AllIterations);
    ASSERT_EQ(accesses->list().size(), 1u);
    const MemoryAccess access = accesses->list()[0];
    EXPECT_GT(access.size, std::uint64_t{1} << 62);
    EXPECT_GE((access.gva + access.size).value, access.gva.value) << "does not wrap";
}

TEST(MemoryAccesses, UsesSegmentsAnd16BitAddressesInRealMode) {
    const Decoder decoder;
    const CpuState state = state16();
    const auto list = [&](const Bytes& bytes) {
        const auto accesses = decoder.memory_accesses(span_of(bytes), state);
        return std::vector<MemoryAccess>(accesses->list().begin(), accesses->list().end());
    };
    EXPECT_THAT(list({0x89, 0x07}), ElementsAre(write(0x1010, 2))) << "mov [bx], ax";
    EXPECT_THAT(list({0x8b, 0x00}), ElementsAre(read(0x1000 + 0xf, 2))) << "mov ax, [bx+si] wraps at 64 KiB";
    EXPECT_THAT(list({0x8b, 0x46, 0x04}), ElementsAre(read(0x30104, 2))) << "mov ax, [bp+4]";
    EXPECT_THAT(list({0x26, 0x8b, 0x07}), ElementsAre(read(0x20010, 2))) << "mov ax, es:[bx]";
    EXPECT_THAT(list({0xaa}), ElementsAre(write(0x20008, 1))) << "stosb goes to ES";
    EXPECT_THAT(list({0xab}), ElementsAre(write(0x20008, 2))) << "stosw";
    EXPECT_THAT(list({0x50}), ElementsAre(write(0x3fffe, 2))) << "push ax wraps SP";
    EXPECT_THAT(list({0x60}), ElementsAre(write(0x3fff0, 16))) << "pusha";
    EXPECT_THAT(list({0xc4, 0x07}), ElementsAre(read(0x1010, 4))) << "les ax, [bx]";
    EXPECT_THAT(list({0xcf}), ElementsAre(read(0x30000, 6))) << "iret";
}

TEST(MemoryAccesses, RefusesBadBytes) {
    const Decoder decoder;
    EXPECT_FALSE(decoder.memory_accesses({}, state64()));
    EXPECT_FALSE(decoder.memory_accesses(span_of({0x06}), state64()));  // PUSH ES
}

}  // namespace
}  // namespace ringside::x86
