#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <initializer_list>
#include <map>
#include <vector>

#include "arch/x86_64/completion.h"
#include "arch/x86_64/control_bits.h"

namespace ringside::x86 {
namespace {

constexpr std::uint64_t kZf = 0x40, kArithmetic = 0x8d5;

class FakeMachine final : public CompletionMachine {
  public:
    std::optional<std::uint64_t> read(Gva address, unsigned size) override {
        reads.emplace_back(address.value, size);
        const auto found = words.find(address.value);
        return found == words.end() ? std::nullopt : std::optional(found->second);
    }
    std::optional<bool> compare_exchange(Gva address, Pair& expected, Pair desired) override {
        const auto found = pairs.find(address.value);
        if (found == pairs.end())
            return std::nullopt;
        const bool equal = found->second == expected;
        if (equal)
            found->second = desired;
        else
            expected = found->second;
        return equal;
    }
    std::optional<std::uint16_t> x87_status() override { return status; }
    bool has_smap() override { return smap; }
    std::map<std::uint64_t, std::uint64_t> words;
    std::map<std::uint64_t, Pair> pairs;
    std::vector<std::pair<std::uint64_t, unsigned>> reads;
    std::optional<std::uint16_t> status = 0;
    bool smap = false;
};

class Completions : public testing::Test {
  protected:
    Completions() {
        state.system.cr0 = cr0::kPg | cr0::kPe;
        state.system.cr4 = cr4::kPae;
        state.system.efer = efer::kLme | efer::kLma;
        state.system.cs.l = 1;
        state.general.rip = 0x1000;
    }
    std::optional<GeneralRegisters> complete(std::initializer_list<int> code) {
        std::vector<std::byte> bytes;
        for (const int byte : code)
            bytes.push_back(static_cast<std::byte>(byte));
        return x86::complete(decoder, bytes, state.general, state.system, machine);
    }

    Decoder decoder;
    CpuState state;
    FakeMachine machine;
};

TEST_F(Completions, PopcntCountsAsTheProcessorDoes) {
    for (const std::uint64_t value : {0x0ULL, 0x1ULL, 0xffffffff00000000ULL, 0x8000000000010001ULL, ~0ULL}) {
        std::uint64_t count = 0;
        std::uint64_t flags = 0;
        asm("popcnt %2, %0; pushfq; popq %1" : "=r"(count), "=r"(flags) : "r"(value) : "cc");
        state.general.rcx = value;
        state.general.rax = 0xdead;
        state.general.rflags = 2 | kArithmetic;
        const auto after = complete({0xf3, 0x48, 0x0f, 0xb8, 0xc1});  // popcnt rax, rcx
        ASSERT_TRUE(after);
        EXPECT_EQ(after->rax, count) << value;
        EXPECT_EQ(after->rflags & kArithmetic, flags & kArithmetic) << value;
        EXPECT_EQ(after->rip, 0x1005U);
    }
}

TEST_F(Completions, PopcntKeepsToItsOperandSize) {
    state.general.r9 = 0xffff'ffff'ffff'fff3;
    state.general.r10 = 0x1111'2222'3333'4444;
    const auto word = complete({0x66, 0xf3, 0x45, 0x0f, 0xb8, 0xd1});  // popcnt r10w, r9w
    const auto dword = complete({0xf3, 0x45, 0x0f, 0xb8, 0xd1});       // popcnt r10d, r9d
    ASSERT_TRUE(word && dword);
    EXPECT_EQ(word->r10, 0x1111'2222'3333'000eU);
    EXPECT_EQ(dword->r10, 30U);
}

TEST_F(Completions, PopcntReadsMemoryWhereTheInstructionWould) {
    state.system.gs.base = 0x50000;
    state.general.rdi = 0x20;
    machine.words[0x50028] = 0xff;
    const auto after = complete({0x65, 0xf3, 0x0f, 0xb8, 0x47, 0x08});  // popcnt eax, gs:[rdi + 8]
    ASSERT_TRUE(after);
    EXPECT_EQ(after->rax, 8U);
    EXPECT_THAT(machine.reads, testing::ElementsAre(testing::Pair(0x50028, 4)));
    machine.words.clear();
    EXPECT_FALSE(complete({0x65, 0xf3, 0x0f, 0xb8, 0x47, 0x08})) << "unreadable memory is a page fault";
}

TEST_F(Completions, CompareExchangeWritesOnlyWhatWasExpected) {
    state.general.rsi = 0x3000;
    state.general.rax = 1;
    state.general.rdx = 2;
    state.general.rbx = 30;
    state.general.rcx = 40;
    machine.pairs[0x3000] = {1, 2};
    const auto equal = complete({0xf0, 0x48, 0x0f, 0xc7, 0x0e});  // lock cmpxchg16b [rsi]
    ASSERT_TRUE(equal);
    EXPECT_EQ(machine.pairs[0x3000], (CompletionMachine::Pair{30, 40}));
    EXPECT_EQ(equal->rflags & kZf, kZf);
    EXPECT_EQ(equal->rip, 0x1005U);
    const auto other = complete({0x48, 0x0f, 0xc7, 0x0e});
    ASSERT_TRUE(other);
    EXPECT_EQ(machine.pairs[0x3000], (CompletionMachine::Pair{30, 40}));
    EXPECT_EQ(other->rflags & kZf, 0U);
    EXPECT_EQ(other->rax, 30U);
    EXPECT_EQ(other->rdx, 40U);
}

TEST_F(Completions, CompareExchangeThatWouldFaultIsLeftAlone) {
    state.general.rsi = 0x3008;
    machine.pairs[0x3008] = {};
    EXPECT_FALSE(complete({0xf0, 0x48, 0x0f, 0xc7, 0x0e})) << "misaligned: #GP";
    state.general.rsi = 0x4000;
    EXPECT_FALSE(complete({0xf0, 0x48, 0x0f, 0xc7, 0x0e})) << "not writable: #PF";
}

TEST_F(Completions, FwaitDoesNothingUnlessItFaults) {
    const auto after = complete({0x9b});
    ASSERT_TRUE(after);
    auto expected = state.general;
    expected.rip = 0x1001;
    EXPECT_EQ(*after, expected);
    machine.status = 0x80;
    EXPECT_FALSE(complete({0x9b})) << "a pending exception: #MF";
    machine.status.reset();
    EXPECT_FALSE(complete({0x9b})) << "who knows";
    machine.status = 0;
    state.system.cr0 |= cr0::kTs | cr0::kMp;
    EXPECT_FALSE(complete({0x9b})) << "another task's FPU: #NM";
}

TEST_F(Completions, ShadowStackPointerIsNotTouchedWhereThereIsNone) {
    state.general.rax = 7;
    const auto after = complete({0xf3, 0x48, 0x0f, 0x1e, 0xc8});  // rdsspq rax
    ASSERT_TRUE(after);
    EXPECT_EQ(after->rax, 7U);
    EXPECT_EQ(after->rip, 0x1005U);
    state.system.cr4 |= cr4::kCet;
    EXPECT_FALSE(complete({0xf3, 0x48, 0x0f, 0x1e, 0xc8}));
}

TEST_F(Completions, ClacAndStacChangeOneFlagWhereThereIsSmap) {
    state.general.rflags = 0x246;
    EXPECT_FALSE(complete({0x0f, 0x01, 0xcb})) << "#UD";
    state.system.cr4 |= cr4::kSmap;
    const auto set = complete({0x0f, 0x01, 0xcb});
    ASSERT_TRUE(set);
    EXPECT_EQ(set->rflags, 0x40246U);
    state.general.rflags = 0x40246;
    const auto clear = complete({0x0f, 0x01, 0xca});
    ASSERT_TRUE(clear);
    EXPECT_EQ(clear->rflags, 0x246U);
    EXPECT_EQ(clear->rip, 0x1003U);
    EXPECT_FALSE(complete({0x0f, 0x01, 0xd0})) << "xgetbv is another";
}

TEST_F(Completions, ClacAndStacNeedSmapInCpuidAndNotInCr4) {
    state.general.rflags = 0x246;
    machine.smap = true;
    const auto set = complete({0x0f, 0x01, 0xcb});
    ASSERT_TRUE(set);
    EXPECT_EQ(set->rflags, 0x40246U);
}

TEST_F(Completions, PrefixesThatAProcessorRefusesAreLeftAlone) {
    state.system.cr4 |= cr4::kSmap;
    state.general.rsi = 0x3000;
    machine.pairs[0x3000] = {};
    EXPECT_FALSE(complete({0xf0, 0xf3, 0x48, 0x0f, 0xb8, 0xc1})) << "lock popcnt rax, rcx";
    EXPECT_FALSE(complete({0xf3, 0xf0, 0x0f, 0xb8, 0xc1})) << "the same, the other way round";
    EXPECT_FALSE(complete({0xf2, 0xf3, 0x0f, 0xb8, 0xc1})) << "repne popcnt";
    EXPECT_FALSE(complete({0xf0, 0x9b})) << "lock fwait";
    EXPECT_FALSE(complete({0xf0, 0xf3, 0x48, 0x0f, 0x1e, 0xc8})) << "lock rdsspq rax";
    for (const int prefix : {0x66, 0xf0, 0xf2, 0xf3}) {
        EXPECT_FALSE(complete({prefix, 0x0f, 0x01, 0xca})) << "clac behind " << prefix;
        EXPECT_FALSE(complete({prefix, 0x0f, 0x01, 0xcb})) << "stac behind " << prefix;
    }
}

TEST_F(Completions, PrefixesThatChangeNothingAreTaken) {
    state.system.cr4 |= cr4::kSmap;
    state.general.rsi = 0x3000;
    machine.pairs[0x3000] = {};
    EXPECT_TRUE(complete({0x66, 0x9b})) << "fwait";
    EXPECT_TRUE(complete({0x3e, 0x0f, 0x01, 0xca})) << "clac behind a segment override";
    EXPECT_TRUE(complete({0x2e, 0xf3, 0x48, 0x0f, 0xb8, 0xc1})) << "popcnt behind one";
    EXPECT_TRUE(complete({0xf3, 0xf0, 0x48, 0x0f, 0xc7, 0x0e})) << "xrelease lock cmpxchg16b";
}

TEST_F(Completions, OthersAndOtherModesAreLeftAlone) {
    EXPECT_FALSE(complete({0x90}));
    EXPECT_FALSE(complete({0x0f, 0x0b}));              // ud2
    EXPECT_FALSE(complete({0x0f, 0xc7, 0x0e}));        // cmpxchg8b
    EXPECT_FALSE(complete({0x48, 0x0f, 0xc7, 0xf0}));  // rdrand rax
    EXPECT_FALSE(complete({0xf3, 0x48, 0x0f, 0xb8}));  // cut short
    state.system.cs.l = 0;
    EXPECT_FALSE(complete({0x9b}));
}

}  // namespace
}  // namespace ringside::x86
