// The guest asks to stop, by an instruction.

#include "vmm/debug/run_control/guest_stops.h"

#include "tests/unit/vmm/debug/run_control/vcpu_debugger_fixture.h"

namespace ringside::debug {
namespace {

class GuestStopsTest : public VcpuDebuggerTest {
  protected:
    std::string words() const { return coordinator->last_stop().console; }
};

TEST_F(GuestStopsTest, AnInt3OfTheGuestsIsAStopAfterIt) {
    context->guest_stops.int3 = true;
    code({kInt3Byte});
    resume();
    EXPECT_TRUE(vcpu->now().has(KVM_GUESTDBG_USE_SW_BP)) << "without a breakpoint of the client's";
    int3_at(kCode);
    EXPECT_TRUE(reason<gdbstub::StoppedBySignal>());
    EXPECT_EQ(words(), "The guest has asked to stop (int3 at 0x20000).\n");
    EXPECT_EQ(vcpu->registers.rip, kCode + 1);
    EXPECT_FALSE(was_injected(KVM_GUESTDBG_INJECT_BP)) << "the guest gets no #BP";
}

TEST_F(GuestStopsTest, ABreakpointOfTheClientsIsOneAllTheSame) {
    context->guest_stops.int3 = true;
    insert(BreakpointKind::Software, kCode + 4);
    resume();
    int3_at(kCode + 4);
    EXPECT_TRUE(reason<gdbstub::StoppedBySoftwareBreakpoint>());
    EXPECT_EQ(vcpu->registers.rip, kCode + 4);
}

TEST_F(GuestStopsTest, AnExchangeIsFoundByStepping) {
    context->guest_stops.exchange = true;
    code({kNop, 0x66, 0x87, 0xdb});
    resume();
    EXPECT_TRUE(steps());
    stepped_to(kCode + 1);
    EXPECT_TRUE(reason<gdbstub::StoppedBySignal>());
    EXPECT_EQ(words(), "The guest has asked to stop (xchg %bx,%bx at 0x20001).\n");
    EXPECT_EQ(vcpu->registers.rip, kCode + 4);
}

TEST_F(GuestStopsTest, AnExchangeIsFoundWhereTheGuestIsResumed) {
    context->guest_stops.exchange = true;
    code({0x66, 0x87, 0xdb});
    resume();
    EXPECT_TRUE(stopped_here());
    EXPECT_EQ(vcpu->registers.rip, kCode + 3);
    resume();
    EXPECT_FALSE(stopped_here()) << "it is behind it";
}

TEST_F(GuestStopsTest, OtherExchangesAreNone) {
    context->guest_stops.exchange = true;
    code({kNop, 0x87, 0xdb, kNop, 0x66, 0x87, 0xd9});
    resume();
    stepped_to(kCode + 1);
    stepped_to(kCode + 3);
    stepped_to(kCode + 4);
    EXPECT_FALSE(stopped_here());
}

TEST(GuestStops, AreReadAndWritten) {
    for (const char* text : {"off", "int3", "xchg", "port:0x8a00", "int3,xchg,port:0xf1"})
        EXPECT_EQ(to_string(*parse_guest_stops(text)), text);
    EXPECT_EQ(parse_guest_stops("port:16")->port, 16);
    for (const char* text : {"", "int1", "int3,", "port:", "port:65536", "port:x", "int3 xchg"})
        EXPECT_FALSE(parse_guest_stops(text)) << text;
}

TEST(GuestStops, WhatAHostCannotDoIsRefused) {
    const auto check = [](const char* text, const HostAbilities& host) {
        return check_guest_stops(parse_guest_stops(text).value(), host).has_value();
    };
    EXPECT_FALSE(check("int3", HostAbilities{}));
    EXPECT_FALSE(check("xchg", HostAbilities{}));
    EXPECT_FALSE(check("port:0x43", a_complete_host())) << "KVM's own";
    EXPECT_TRUE(check("int3,xchg,port:0x80", a_complete_host()));
    auto host = a_complete_host();
    host.int3_real = Int3::GoesToGuest;
    EXPECT_TRUE(check("int3", host));
    EXPECT_EQ(unseen_int3s(host), "real mode");
}

}  // namespace
}  // namespace ringside::debug
