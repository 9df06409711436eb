// How much a recorder examines after a step: everything, if the opcode does not limit the effects.

#include "vmm/history/recorder.h"

#include <gtest/gtest.h>

#include "tests/support/no_observer.h"
#include "tests/support/scripted_vcpu.h"
#include "tests/support/written_pages.h"
#include "tests/unit/vmm/debug/guest/test_guest.h"

namespace ringside::history {
namespace {

using debug::testing::TestGuest;
using ringside::testing::NoObserver;
using ringside::testing::ScriptedVcpu;
using ringside::testing::WrittenPages;

class RecorderTest : public ::testing::Test {
  protected:
    static constexpr std::uint64_t kCode = 0x20000, kData = 0x30000, kDevice = TestGuest::kNowhere;

    RecorderTest() {
        auto port = std::make_unique<ScriptedVcpu>();
        vcpu = port.get();
        vcpu->system_registers = guest.state.system;
        vcpu->registers.rip = kCode;
        vcpu->registers.rbx = kData;
        vcpu->registers.rsp = kData + 0x800;
        std::vector<std::unique_ptr<kvm::VcpuPort>> ports;
        ports.push_back(std::move(port));
        machine = machine::Machine::assemble(std::move(guest.memory), {}, std::move(ports), observer);
        machine->set_dirty_pages(std::make_unique<WrittenPages>(written));
        machine->start();
        view.emplace(machine->memory(), guest.planted, 40);
        recorder.emplace(*machine, *view);
        EXPECT_TRUE(recorder->start(std::size_t{1} << 20));
        // The first looks examine everything, whatever the instruction.
        for (int i = 0; i < 2; ++i)
            step({0x90});
    }
    ~RecorderTest() override { machine->stop(); }

    void code(std::initializer_list<std::uint8_t> bytes) {
        std::uint64_t at = vcpu->registers.rip;
        for (const std::uint8_t byte : bytes)
            machine->memory().span(Gpa{at++}, 1)[0] = std::byte{byte};
    }
    // The guest executes `bytes`; meanwhile `change` happens to the vCPU.
    void step(
        std::initializer_list<std::uint8_t> bytes, const std::function<void()>& change = [] {}) {
        code(bytes);
        recorder->before_step({}, vcpu->registers, vcpu->system_registers, Interrupts::Held);
        vcpu->registers.rip += bytes.size();
        change();
        ASSERT_TRUE(recorder->after_step({}, vcpu->registers, vcpu->system_registers));
    }
    void change_lapic() { ++vcpu->local_apic.regs[0x80]; }
    bool saw_lapic() const {
        return recorder->history().image().vcpu({}).lapic.regs[0x80] == vcpu->local_apic.regs[0x80];
    }

    NoObserver observer;
    WrittenPages::Log written;
    TestGuest guest;
    ScriptedVcpu* vcpu = nullptr;
    std::unique_ptr<machine::Machine> machine;
    std::optional<debug::GuestView> view;
    std::optional<Recorder> recorder;
};

TEST_F(RecorderTest, AnOrdinaryInstructionCostsNoFurtherLook) {
    step({0x90}, [this] { change_lapic(); });
    EXPECT_FALSE(saw_lapic());
    step({0x89, 0x03}, [this] { change_lapic(); });  // mov %eax,(%rbx): to RAM
    EXPECT_FALSE(saw_lapic());
}

TEST_F(RecorderTest, AnAccessOutsideOfRamIsFollowedByALookAtEverything) {
    vcpu->registers.rbx = kDevice;
    step({0x89, 0x03}, [this] { change_lapic(); });
    EXPECT_TRUE(saw_lapic());
}

TEST_F(RecorderTest, AnInstructionThatCanDoMoreIsFollowedByALookAtEverything) {
    for (const auto& bytes : {std::initializer_list<std::uint8_t>{0x0f, 0x30},  // wrmsr
                              {0x0f, 0x28, 0xc1},                               // movaps
                              {0xee}}) {                                        // out
        step(bytes, [this] { change_lapic(); });
        EXPECT_TRUE(saw_lapic());
    }
}

TEST_F(RecorderTest, WhatHappensBetweenStepsIsFollowedByALookAtEverything) {
    recorder->irregular({});
    step({0x90}, [this] { change_lapic(); });
    EXPECT_TRUE(saw_lapic());
}

TEST_F(RecorderTest, TheEndOfAnInterruptShadowIsSeen) {
    step({0xfb}, [this] { vcpu->pending.interrupt.shadow = 1; });  // sti
    EXPECT_EQ(recorder->history().image().vcpu({}).events.interrupt.shadow, 1);
    step({0x90}, [this] { vcpu->pending.interrupt.shadow = 0; });
    EXPECT_EQ(recorder->history().image().vcpu({}).events.interrupt.shadow, 0);
}

TEST_F(RecorderTest, InterruptsAreLetInNowAndThen) {
    unsigned let_in = 0;
    for (std::uint64_t i = 0; i < 4 * Recorder::kWindow; ++i) {
        let_in += recorder->lets_interrupts_in({}) ? 1 : 0;
        step({0x90});
        vcpu->registers.rip = kCode;
    }
    EXPECT_EQ(let_in, 4U);
}

// Collecting the pages would write-protect them again, and the instruction would meet the same EPT violation for ever.
TEST_F(RecorderTest, ATrapBeforeTheInstructionLeavesTheWrittenPages) {
    const auto before = recorder->history().position();
    written.pages.push_back(Gpa{kData});
    step({0x0f, 0x01, 0x10}, [this] { vcpu->registers.rip -= 3; });  // lgdt
    EXPECT_EQ(recorder->history().position(), before);
    EXPECT_EQ(written.pages.size(), 1U);
    step({0x0f, 0x01, 0x10});
    EXPECT_EQ(recorder->history().position(), before + 1);
    EXPECT_TRUE(written.pages.empty());
}

TEST_F(RecorderTest, WhatTheMonitorWritesIsPartOfTheStep) {
    step({0x90}, [this] { ASSERT_TRUE(machine->memory().write(Gpa{kData}, std::vector(8, std::byte{5}))); });
    recorder->history().undo();
    EXPECT_EQ(machine->memory().span(Gpa{kData}, 1)[0], std::byte{0});
    recorder->history().redo();
    EXPECT_EQ(machine->memory().span(Gpa{kData}, 1)[0], std::byte{5});
}

TEST_F(RecorderTest, GoingBackPutsTheVcpusStateBack) {
    vcpu->registers.rax = 1;
    step({0xee}, [this] {
        vcpu->registers.rax = 2;
        vcpu->msrs[0x174] = 7;
        change_lapic();
    });
    recorder->history().undo();
    ASSERT_TRUE(recorder->put());
    EXPECT_EQ(vcpu->registers.rax, 0U);  // the state before was examined a step ago
    EXPECT_EQ(vcpu->local_apic.regs[0x80], 0);
    recorder->history().redo();
    ASSERT_TRUE(recorder->put());
    EXPECT_EQ(vcpu->registers.rax, 2U);
    EXPECT_EQ(vcpu->local_apic.regs[0x80], 1);
    ASSERT_TRUE(recorder->leave_past());
    EXPECT_EQ(written.forgotten, 1);
}

TEST_F(RecorderTest, AnEditInThePastCutsTheFutureOff) {
    for (int i = 0; i < 10; ++i)
        step({0x90});
    for (int i = 0; i < 4; ++i)
        recorder->history().undo();
    ASSERT_TRUE(recorder->put());
    const auto before = recorder->take_edits();
    ASSERT_TRUE(before);
    EXPECT_EQ(*before, 0U);
    EXPECT_FALSE(recorder->history().at_end());
    vcpu->registers.rcx = 99;
    const auto gone = recorder->take_edits();
    ASSERT_TRUE(gone);
    EXPECT_EQ(*gone, 4U);
    EXPECT_TRUE(recorder->history().at_end());
    recorder->history().undo();
    EXPECT_EQ(recorder->history().image().vcpu({}).general.rcx, 0U);
}

TEST_F(RecorderTest, SomeMachinesAreRefusedByName) {
    machine->device_states().add_unrecordable("virtio-blk");
    const auto refused = Recorder::check(*machine);
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().message().find("virtio-blk"), std::string::npos);
}

}  // namespace
}  // namespace ringside::history
