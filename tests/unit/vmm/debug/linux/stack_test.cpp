#include "vmm/debug/linux/kernel/stack.h"

#include "tests/unit/vmm/debug/linux/linux_test.h"
#include "vmm/debug/linux/kernel/orc.h"

namespace ringside::debug {
namespace {

constexpr std::uint64_t kBase = FakeMemory::kBase, kModules = kBase + 0x7000;
constexpr std::uint64_t kAddresses = kBase + 0x5000, kEntries = kBase + 0x5800, kEnd = kBase + 0x4000;
constexpr std::uint64_t kStack = kBase + 0x9000;
constexpr std::uint64_t kInner = kBase + 0x100, kOuter = kBase + 0x200, kEntry = kBase + 0x300,
                        kThread = kBase + 0x400;
// struct pt_regs of the tests.
constexpr std::uint64_t kBp = 8, kR10 = 16, kR13 = 24, kDx = 32, kDi = 40, kIp = 48, kCs = 56, kSp = 64;

using Base = OrcEntry::Base;
using Kind = OrcEntry::Kind;

class StackTest : public ::testing::Test {
  protected:
    StackTest() : symbols(memory) {
        symbols.add("T_stext", kBase);
        symbols.add("tinner", kInner);
        symbols.add("touter", kOuter);
        symbols.add("tasm_interrupt", kEntry);
        symbols.add("tthread", kThread);
        symbols.add("T_etext", kEnd);
        symbols.add("d__start_orc_unwind_ip", kAddresses);
        symbols.add("d__start_orc_unwind", kEntries);
        symbols.add("Dmodules", kModules);
        memory.poke(kModules, kModules);
    }
    // In the form of Linux 6.4 and later, or of earlier ones.
    std::vector<std::byte> types() const {
        BtfBuilder btf;
        const auto half = btf.integer(2), word = btf.integer(4), wide = btf.integer(8);
        std::vector<BtfBuilder::Member> members{{"sp_offset", half, 0},
                                                {"bp_offset", half, 2},
                                                {"sp_reg", word, 4, 0, 4},
                                                {"bp_reg", word, 4, 4, 4},
                                                {"type", word, 5, 0, old ? 2U : 3U}};
        if (old)
            members.push_back({"end", word, 5, 2, 1});
        btf.structure("orc_entry", 6, members);
        btf.structure("pt_regs", 80,
                      {{"bp", wide, kBp},
                       {"r10", wide, kR10},
                       {"r13", wide, kR13},
                       {"dx", wide, kDx},
                       {"di", wide, kDi},
                       {"ip", wide, kIp},
                       {"cs", wide, kCs},
                       {"sp", wide, kSp}});
        const auto list = btf.structure("list_head", 16, {{"next", wide, 0}});
        const auto part = btf.structure("module_layout", 16, {{"base", wide, 0}, {"size", word, 8}});
        btf.structure(
            "module", 64,
            {{"list", list, 0}, {"name", wide, 16}, {"state", word, 24}, {"core_layout", part, 32}});
        btf.structure("task_struct", 16,
                      {{"thread", btf.structure("thread_struct", 8, {{"sp", wide, 0}}), 8}});
        btf.structure("inactive_task_frame", 24, {{"bp", wide, 8}, {"ret_addr", wide, 16}});
        return btf.bytes();
    }
    void orc(std::uint64_t address, Kind kind, Base sp, std::int16_t sp_offset, Base bp = Base::Undefined,
             std::int16_t bp_offset = 0) {
        const std::uint64_t place = kAddresses + 4 * count, entry = kEntries + 6 * count;
        memory.poke(place, static_cast<std::int32_t>(address - place));
        memory.poke(entry, sp_offset);
        memory.poke(entry + 2, bp_offset);
        memory.poke(entry + 4,
                    static_cast<std::uint8_t>(static_cast<unsigned>(sp) | static_cast<unsigned>(bp) << 4));
        const bool end = kind == Kind::End;
        const auto type = static_cast<unsigned>(kind);
        const unsigned old_type = end ? 4 : type - static_cast<unsigned>(Kind::Call);
        memory.poke(entry + 5, static_cast<std::uint8_t>(old ? old_type : type));
        ++count;
    }
    // inner() was called by outer(), which an interrupt's entry has called in the middle of outer(), which thread() called.
    void code() {
        orc(kInner, Kind::Call, Base::Sp, 16);
        orc(kOuter, Kind::Call, Base::Bp, 16, Base::PreviousSp, -16);
        orc(kEntry, Kind::Registers, Base::Sp, 8);
        orc(kThread, Kind::End, Base::Undefined, 0);
    }
    LinuxStack follow(const StackStart& start) {
        if (!ended) {
            symbols.add("d__stop_orc_unwind_ip", kAddresses + 4 * count);
            ended = true;
        }
        const auto stack = unwind(testing::fake_kernel(memory, types()), start);
        EXPECT_TRUE(stack) << stack.error().message();
        return stack.value_or(LinuxStack{});
    }
    static std::vector<std::string> places(const LinuxStack& stack) {
        std::vector<std::string> list;
        for (const StackFrame& frame : stack.frames)
            list.push_back(frame.place + (frame.interrupted ? " interrupted" : "") +
                           (frame.guessed ? " guessed" : ""));
        return list;
    }

    FakeMemory memory;
    KallsymsBuilder symbols;
    bool old = true, ended = false;
    std::uint64_t count = 0;
};

class StackOfBothForms : public StackTest, public ::testing::WithParamInterface<bool> {
  protected:
    StackOfBothForms() { old = GetParam(); }
};
INSTANTIATE_TEST_SUITE_P(Orc, StackOfBothForms, ::testing::Bool());

TEST_P(StackOfBothForms, IsFollowedThroughCallsAndInterrupts) {
    code();
    // inner(): SP + 16 is its caller's; above that outer()'s frame, by its frame pointer.
    memory.poke(kStack + 8, kOuter + 0x10);
    const std::uint64_t frame = kStack + 0x40;
    memory.poke(frame, std::uint64_t{0x1234});  // the frame pointer of before
    memory.poke(frame + 8, kEntry + 0x20);
    // asm_interrupt: the registers are 8 above its SP.
    const std::uint64_t registers = frame + 16 + 8, second = kStack + 0x200;
    memory.poke(registers + kIp, kOuter + 0x30);
    memory.poke(registers + kCs, std::uint64_t{0x10});
    memory.poke(registers + kSp, kStack + 0x180);
    memory.poke(registers + kBp, second);
    memory.poke(second + 8, kThread + 0x8);
    const LinuxStack stack = follow({kInner + 4, kStack, frame, true});
    EXPECT_THAT(places(stack), ElementsAre("inner+0x4", "outer+0x10", "asm_interrupt+0x20",
                                           "outer+0x30 interrupted", "thread+0x8"));
    EXPECT_EQ(stack.end, "");
}

TEST_P(StackOfBothForms, EndsAtUserMode) {
    code();
    const std::uint64_t registers = kStack + 8;
    memory.poke(registers + kIp, std::uint64_t{0x401000});
    memory.poke(registers + kCs, std::uint64_t{0x33});
    const LinuxStack stack = follow({kEntry + 4, kStack, 0, false});
    EXPECT_THAT(places(stack), ElementsAre("asm_interrupt+0x4"));
    EXPECT_EQ(stack.end, "From user mode, at 0x401000.");
}

TEST_F(StackTest, OfSomeRegistersTheProcessorsAreThere) {
    orc(kInner, Kind::SomeRegisters, Base::Sp, 0);
    orc(kThread, Kind::End, Base::Undefined, 0);
    memory.poke(kStack, kThread + 1);
    memory.poke(kStack + kCs - kIp, std::uint64_t{0x10});
    EXPECT_THAT(places(follow({kInner, kStack, 0, true})),
                ElementsAre("inner+0x0", "thread+0x1 interrupted"));
}

TEST_F(StackTest, AnotherStackIsBehindAPointer) {
    orc(kInner, Kind::Call, Base::SpIndirect, 8);
    orc(kThread, Kind::End, Base::Undefined, 0);
    memory.poke(kStack, kStack + 0x800);
    memory.poke(kStack + 0x800, kThread + 2);  // 8 below the previous SP
    EXPECT_THAT(places(follow({kInner, kStack, 0, true})), ElementsAre("inner+0x0", "thread+0x2"));
}

TEST_F(StackTest, CodeWithoutAnEntryIsTakenToHaveAFramePointer) {
    orc(kThread, Kind::End, Base::Undefined, 0);
    memory.poke(kStack, std::uint64_t{0});
    memory.poke(kStack + 8, kThread + 2);
    EXPECT_THAT(places(follow({kInner, 0, kStack, true})), ElementsAre("inner+0x0", "thread+0x2 guessed"));
}

TEST_F(StackTest, WhatLeadsNowhereEndsAndSaysSo) {
    code();
    EXPECT_THAT(follow({kInner, 0x1000, 0, true}).end, HasSubstr("cannot be read"));
    EXPECT_THAT(follow({kInner, kStack, 0, true}).end, HasSubstr("leads nowhere")) << "to 0";
    EXPECT_THAT(follow({0x10, 0, 0, true}).end, HasSubstr("cannot be read"));
}

TEST_F(StackTest, ALoopEnds) {
    orc(kInner, Kind::Call, Base::Bp, 16, Base::Undefined, 0);
    memory.poke(kStack + 8, kInner + 4);
    EXPECT_THAT(follow({kInner, 0, kStack, true}).end, HasSubstr("leads nowhere"));
    // One frame after the other, each at another place.
    for (std::uint64_t i = 0; i < 0x600; ++i) {
        memory.poke(kStack + 16 * i, kStack + 16 * (i + 1));
        memory.poke(kStack + 16 * i + 8, kEnd + 4 * (i + 1));
    }
    EXPECT_THAT(follow({kEnd + 0x100, 0, kStack, true}).end, HasSubstr("more frames"));
}

TEST_F(StackTest, ARegisterThatWasNotSavedIsNotMadeUp) {
    orc(kInner, Kind::Call, Base::R10, 0);
    EXPECT_THAT(follow({kInner, kStack, 0, true}).end, HasSubstr("a register that is not known"));
}

TEST_F(StackTest, OfATaskThatWaitsBeginsWhereItHasSwitched) {
    LinuxTask task;
    task.address = kBase + 0x800;
    memory.poke(task.address + 8, kStack);
    memory.poke(kStack + 8, std::uint64_t{0x77});
    memory.poke(kStack + 16, kOuter + 9);
    const auto start = switched_out(testing::fake_kernel(memory, types()), task);
    ASSERT_TRUE(start) << start.error().message();
    EXPECT_EQ(start->ip, kOuter + 9);
    EXPECT_EQ(start->sp, kStack + 24);
    EXPECT_EQ(start->bp, 0x77U);
    EXPECT_FALSE(start->interrupted);
}

}  // namespace
}  // namespace ringside::debug
