// What a user reads of an interrupt that a rule has caught.

#include "vmm/exit_monitor/handler_catch.h"

#include <gtest/gtest.h>

#include "tests/unit/vmm/debug/guest/test_guest.h"

namespace ringside::debug {
namespace {

constexpr std::uint64_t kStack = 0x12000;

// The line for a handler of 16-bit code that is entered with 0x1234 and 0x40 for IP and CS on its stack.
std::string line_of_16_bit_code(std::uint64_t cr0) {
    testing::TestGuest guest;
    auto& system = guest.state.system;
    system.efer = 0;
    system.cr0 = cr0;
    system.cs.l = system.cs.db = system.ss.db = 0;
    system.idtr = {0x10000, 0xfff};
    system.gdtr = {0x11000, 0xf};
    guest.poke<std::uint64_t>(0x11008, 0x008f9b000000ffff);
    // Interrupt 0x60: a 16-bit gate to 8:2000, which as a vector of real mode is 0:2000.
    guest.poke<std::uint64_t>(0x10000 + 0x60 * 8, 0x0000'8600'0008'2000);
    if ((cr0 & 1) == 0) {
        system.idtr = {0, 0x3ff};
        guest.poke<std::uint32_t>(0x60 * 4, 0x2000);
    }
    guest.state.general.rip = 0x2000;
    guest.state.general.rsp = kStack & 0xffff;
    system.ss.base = kStack & ~0xffffULL;
    guest.poke<std::uint64_t>(kStack, 0x0202'0040'1234);
    const auto rule = exits::parse_catch("interrupt 0x60").value();
    const x86::RegisterFile registers(x86::FeatureSet{});
    const auto made = HandlerCatch::make(1, rule, registers, guest.view, [](std::uint64_t address) {
        return address == 0x40 * 16 + 0x1234 ? std::string("caller") : "wrong";
    });
    return made.value()->judge({VcpuIndex{0}, guest.state.general, system}).value_or("no stop");
}

TEST(HandlerCatch, NamesInterruptedCodeOfRealMode) {
    EXPECT_NE(line_of_16_bit_code(0x10).find("<caller>"), std::string::npos) << line_of_16_bit_code(0x10);
}

TEST(HandlerCatch, HasNoNameFor16BitCodeOfProtectedMode) {
    const auto line = line_of_16_bit_code(0x11);
    EXPECT_NE(line.find("0040:1234"), std::string::npos) << line;
    EXPECT_EQ(line.find('<'), std::string::npos)
        << "the frame does not say where the segment begins: " << line;
}

}  // namespace
}  // namespace ringside::debug
