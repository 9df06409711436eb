// What a rule of `monitor catch` says when it is met, and what it tests.

#include <gtest/gtest.h>

#include "tests/unit/vmm/debug/guest/test_guest.h"
#include "vmm/exit_monitor/handler_catch.h"
#include "vmm/exit_monitor/state_catch.h"

namespace ringside::debug {
namespace {

using testing::TestGuest;

constexpr std::uint64_t kIdt = 0x10000, kStack = 0x12000, kHandler = 0x20000;

exits::CatchRule rule(std::string_view text) {
    return exits::parse_catch(text).value();
}

std::string symbol(std::uint64_t address) {
    return address == 0x401000 ? "f+0x1" : "";
}

class HandlerCatchTest : public ::testing::Test {
  protected:
    HandlerCatchTest() {
        guest.state.system.idtr = {kIdt, 0xfff};
        guest.state.system.cr2 = 0xdead000;
        guest.poke<std::uint64_t>(kIdt + 14 * 16, kHandler | std::uint64_t{8} << 16 |
                                                      std::uint64_t{0x8e} << 40 |
                                                      std::uint64_t{kHandler >> 16} << 48);
        guest.poke<std::uint16_t>(kIdt + 14 * 16, kHandler & 0xffff);
        guest.state.general.rip = kHandler;
        guest.state.general.rsp = kStack;
        guest.state.general.rdi = 7;
        std::uint64_t at = kStack;
        for (const std::uint64_t word : {6UL, 0x401000UL, 0x33UL, 0x202UL, 0x7ff0UL, 0x2bUL}) {
            guest.poke(at, word);
            at += 8;
        }
    }
    std::optional<std::string> ask(std::string_view text) {
        auto made = HandlerCatch::make(1, rule(text), registers, guest.view, symbol);
        EXPECT_TRUE(made) << text;
        return (*made)->judge({VcpuIndex{2}, guest.state.general, guest.state.system});
    }
    TestGuest guest;
    x86::RegisterFile registers{x86::FeatureSet{}, x86::GdbArchitecture::X86_64};
};

TEST_F(HandlerCatchTest, TheSentence) {
    EXPECT_EQ(ask("exception pf"),
              "Ringside: vCPU 2 took #PF (vector 14), error 0x6 (write, user, page not present), CR2 "
              "0xdead000, at 0x401000 <f+0x1>.\n");
}

TEST_F(HandlerCatchTest, ConditionsTestTheInterruptedCode) {
    for (const char* text : {"exception pf if error & 4 and cpl == 3", "exception pf if rip == 0x401000",
                             "exception pf if rsp == 0x7ff0 and rdi == 7 and cs == 0x33 and ss == 0x2b",
                             "exception pf if cr2 in 0xdead000..0xdeadfff and eflags & 0x200"})
        EXPECT_TRUE(ask(text)) << text;
    for (const char* text : {"exception pf if error & 1", "exception pf if cpl == 0",
                             "exception pf if rdi == 7 and rsp == 1", "exception pf count 2"})
        EXPECT_FALSE(ask(text)) << text;
}

TEST_F(HandlerCatchTest, ARegisterThatThereIsNotIsRefused) {
    for (const char* text : {"exception pf if nonsense == 1", "exception pf if xmm0 == 1"})
        EXPECT_FALSE(HandlerCatch::make(1, rule(text), registers, guest.view, symbol)) << text;
}

struct Change {
    const char* rule;
    std::uint64_t before, after;
    const char* sentence;  // nullptr: it does not stop
};

TEST(StateCatch, ModesRegistersAndHalts) {
    constexpr std::uint64_t kReal = 0x10, kProtected = 0x11, kPaged = 0x80000011;
    for (const Change& row :
         {Change{"mode-change", kReal, kProtected,
                 "Ringside: vCPU 0 has gone from real mode to protected mode (CR0 0x10 to 0x11), at 0x401000 "
                 "<f+0x1>.\n"},
          Change{"mode-change", kProtected, kReal,
                 "Ringside: vCPU 0 has gone from protected mode to real mode (CR0 0x11 to 0x10), at 0x401000 "
                 "<f+0x1>.\n"},
          Change{"mode-change", kProtected, kPaged, nullptr},
          Change{"mode-change if rip == 1", kReal, kProtected, nullptr},
          Change{"cr0 if value == 0x80000011", kProtected, kPaged,
                 "Ringside: vCPU 0 has changed CR0 from 0x11 to 0x80000011, at 0x401000 <f+0x1>.\n"},
          Change{"cr0 if value == 1", kProtected, kPaged, nullptr}, Change{"cr0", kPaged, kPaged, nullptr},
          Change{"cr3", kReal, kProtected, nullptr}}) {
        x86::SystemRegisters before, after;
        before.cr0 = row.before;
        after.cr0 = row.after;
        StateCatch state(rule(row.rule), symbol);
        const auto said = state.judge(VcpuIndex{0}, {0x401000, before, after, false, 0x401003});
        EXPECT_EQ(said, row.sentence == nullptr ? std::nullopt : std::optional<std::string>(row.sentence))
            << row.rule;
    }
    const x86::SystemRegisters same;
    StateCatch halt(rule("halt"), symbol);
    EXPECT_EQ(halt.judge(VcpuIndex{1}, {0, same, same, true, 0x401000}),
              "Ringside: vCPU 1 is about to halt (HLT), at 0x401000 <f+0x1>.\n");
    EXPECT_FALSE(halt.judge(VcpuIndex{1}, {0, same, same, false, 0x401000}));
    EXPECT_EQ(halt.hits(), 1U);
}

TEST(StateCatch, LongModeIsAModeOfItsOwn) {
    x86::SystemRegisters system;
    system.cr0 = 0x80000011;
    EXPECT_STREQ(broad_mode(system), "protected mode");
    system.efer = 0x500;
    EXPECT_STREQ(broad_mode(system), "long mode");
}

}  // namespace
}  // namespace ringside::debug
