// Writes to segment registers: a new selector brings its segment along, as when the processor loads it.
#include "vmm/debug/target/register_access.h"

#include <gtest/gtest.h>

#include "arch/x86_64/control_bits.h"
#include "tests/support/scripted_vcpu.h"
#include "tests/unit/vmm/debug/guest/test_guest.h"
#include "tests/unit/vmm/debug/target/queued_owner.h"

namespace ringside::debug {
namespace {

using gdbstub::ThreadId;
using ringside::testing::ScriptedVcpu;
using testing::TestGuest;

class SelectorWrites : public ::testing::Test {
  protected:
    static constexpr std::uint64_t kGdt = 0x30000, kLdt = 0x31000;
    static constexpr ThreadId kThread{1};

    SelectorWrites() {
        guest.state.system.gdtr = {kGdt, 0x2f};
        guest.state.system.ldtr.base = kLdt;
        guest.state.system.ldtr.limit = 15;
        guest.state.system.ldtr.present = 1;
        guest.state.system.cs.selector = 8;
        guest.poke<std::uint64_t>(kGdt + 0x08, 0x00af9b000000ffff);  // 64-bit code
        guest.poke<std::uint64_t>(kGdt + 0x10, 0x00cf93123456ffff);  // data at 0x123456
        guest.poke<std::uint64_t>(kGdt + 0x18, 0x00cffb000000ffff);  // code, DPL 3
        guest.poke<std::uint64_t>(kGdt + 0x20, 0x00cf9b700000ffff);  // 32-bit code at 0x700000
        guest.poke<std::uint64_t>(kLdt + 0x08, 0x00cf93654321ffff);
        std::vector<std::unique_ptr<kvm::VcpuPort>> ports;
        auto port = std::make_unique<ScriptedVcpu>();
        port->system_registers = guest.state.system;
        vcpu = port.get();
        ports.push_back(std::move(port));
        machine =
            machine::Machine::assemble(std::move(guest.memory), {}, std::move(ports), debugger.observer());
        debugger.bind(*machine);
        machine->start();
        owner.run_one();
    }

  public:
    ~SelectorWrites() override { machine->stop(); }

  protected:
    gdbstub::Result<void> write(const char* name, std::uint16_t selector) {
        const auto* info = debugger.guest().registers().find(name);
        std::vector<std::byte> bytes(info->bytes());
        bytes[0] = static_cast<std::byte>(selector & 0xff);
        bytes[1] = static_cast<std::byte>(selector >> 8);
        return debugger.target().registers.write(kThread, info->regno, bytes);
    }
    const x86::SystemRegisters& now() const { return vcpu->system_registers; }

    TestGuest guest;
    QueuedOwner owner;
    std::unique_ptr<machine::Machine> machine;
    Debugger debugger{[] { return Result<HostAbilities>(HostAbilities{}); }, {.wait = true}, owner};
    ScriptedVcpu* vcpu = nullptr;
};

TEST_F(SelectorWrites, BringTheSegmentOfTheTable) {
    ASSERT_TRUE(write("ds", 0x10));
    EXPECT_EQ(now().ds.selector, 0x10);
    EXPECT_EQ(now().ds.base, 0x123456U);
    EXPECT_EQ(now().ds.limit, 0xffffffffU);
    ASSERT_TRUE(write("fs", 0x0c)) << "from the LDT";
    EXPECT_EQ(now().fs.base, 0x654321U);
    ASSERT_TRUE(write("cs", 0x20));
    EXPECT_EQ(now().cs.base, 0x700000U);
    EXPECT_EQ(now().cs.l, 0);
    EXPECT_EQ(now().cs.db, 1);
}

TEST_F(SelectorWrites, ANullSelectorIsADataSegmentThatCannotBeUsed) {
    ASSERT_TRUE(write("ds", 0x10));
    ASSERT_TRUE(write("ds", 0));
    EXPECT_EQ(now().ds.unusable, 1);
}

TEST_F(SelectorWrites, WhatTheProcessorWouldRefuseIsRefusedInWords) {
    const auto refusal = [&](const char* name, std::uint16_t selector) {
        const auto done = write(name, selector);
        return done ? std::string() : done.error().message;
    };
    EXPECT_EQ(refusal("ds", 0x30), "$ds = 0x30: the GDT and LDT have no code or data segment there");
    EXPECT_EQ(refusal("cs", 0), "$cs = 0x0: the GDT and LDT have no code or data segment there");
    EXPECT_EQ(refusal("cs", 0x10), "$cs = 0x10: that is a data segment");
    EXPECT_EQ(refusal("ss", 0x20), "$ss = 0x20: that is a code segment");
    EXPECT_EQ(refusal("cs", 0x1b), "$cs = 0x1b: the privilege level cannot be changed so");
    EXPECT_EQ(now().cs.selector, 8);
}

TEST_F(SelectorWrites, InRealModeASegmentBeginsAtSixteenTimesItsSelector) {
    vcpu->system_registers.cr0 = 0x10;
    vcpu->system_registers.efer = 0;
    debugger.state(VcpuIndex{0}).cache();
    ASSERT_TRUE(write("cs", 0x7c0));
    EXPECT_EQ(now().cs.base, 0x7c00U);
}

}  // namespace
}  // namespace ringside::debug
