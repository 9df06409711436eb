// Watchpoints beyond the slots, whose pages are write-protected: when that is right, and what a vCPU does with a write.

#include "arch/x86_64/msrs.h"
#include "tests/unit/vmm/debug/run_control/page_guard_fixture.h"

namespace ringside::debug {
namespace {

// ---- When it is right

TEST_F(PageGuardTest, ThePagesOfAWatchpointAreProtected) {
    watch(kData + 0xffe, 4);
    prepare();
    EXPECT_EQ(protection->pages(), (std::vector{Gpa{kData}, Gpa{kData + 0x1000}}));
    EXPECT_STREQ(mechanism(), "protected page");
    EXPECT_TRUE(guarded());
    EXPECT_EQ(guard.why_not(), "");
}

TEST_F(PageGuardTest, APageIsProtectedAtItsPhysicalAddress) {
    watch(TestGuest::kMapped + 0x1010);
    prepare();
    EXPECT_EQ(protection->pages(), std::vector{Gpa{0x102000}});
}

TEST_F(PageGuardTest, ReadsCanOnlyBeFoundByStepping) {
    watch();
    watch(kData + 8, 4, BreakpointKind::AccessWatch);
    prepare();
    EXPECT_FALSE(guarded());
    resume();
    EXPECT_TRUE(steps());
}

TEST_F(PageGuardTest, AHostWithoutWriteFaultsSteps) {
    context->abilities.write_faults = false;
    watch();
    prepare();
    EXPECT_FALSE(guarded());
    EXPECT_STREQ(mechanism(), "stepping");
}

TEST_F(PageGuardTest, WhatIsSteppedAnywayIsNotProtected) {
    watch();
    prepare(true);
    EXPECT_FALSE(guarded());
}

TEST_F(PageGuardTest, APageOfProcessesIsNotProtected) {
    guest.poke<std::uint64_t>(TestGuest::kPml4, TestGuest::kPdpt | 7);
    guest.poke<std::uint64_t>(TestGuest::kPdpt, TestGuest::kDirectory | 7);
    guest.poke<std::uint64_t>(TestGuest::kDirectory, 0x87);
    watch();
    prepare();
    EXPECT_FALSE(guarded());
    EXPECT_EQ(guard.why_not(), "a process may have them");
}

TEST_F(PageGuardTest, NorOneOfItsOwnPageTables) {
    watch(TestGuest::kDirectory + 8);
    prepare();
    EXPECT_EQ(guard.why_not(), "they are in page tables");
}

TEST_F(PageGuardTest, NorOneWhereKvmItselfWrites) {
    areas = {Gpa{kData}};
    watch();
    prepare();
    EXPECT_FALSE(guarded());
    EXPECT_NE(guard.why_not(), "");
}

TEST_F(PageGuardTest, NorOneOfAHypervisor) {
    vcpu->system_registers.cr4 |= x86::cr4::kVmxe;
    watch();
    prepare();
    EXPECT_EQ(guard.why_not(), "the guest is a hypervisor");
}

TEST_F(PageGuardTest, NorOneThatIsNotMapped) {
    watch(TestGuest::kHole);
    prepare();
    EXPECT_EQ(guard.why_not(), "no memory of the guest is mapped there");
}

TEST_F(PageGuardTest, TooManyPagesAreNotProtected) {
    watch(kData, 17 * 0x1000);
    prepare();
    EXPECT_EQ(guard.why_not(), "they are on too many pages");
}

TEST_F(PageGuardTest, IfTheHostRefusesTheGuestIsStepped) {
    protection->refuses = true;
    watch();
    prepare();
    EXPECT_FALSE(guarded());
    EXPECT_EQ(guard.why_not(), "protect: no file can be made");
    resume();
    EXPECT_TRUE(steps());
}

TEST_F(PageGuardTest, AnotherWatchpointIsSteppedForUntilItsPageIsProtectedToo) {
    run_guarded();
    watch(kData + 0x2000);
    EXPECT_TRUE(table.plan().needs_stepping());
    prepare();
    EXPECT_FALSE(table.plan().needs_stepping());
}

TEST_F(PageGuardTest, WithoutWatchpointsThePagesAreOpen) {
    run_guarded();
    table.remove_all(stopped.token());
    prepare();
    EXPECT_FALSE(protection->closed());
}

TEST_F(PageGuardTest, APageThatHasMovedMeanwhileIsReported) {
    watch(TestGuest::kMapped);
    EXPECT_EQ(prepare(), "");
    EXPECT_EQ(prepare(), "");
    guest.poke<std::uint64_t>(TestGuest::kTable, 0x10a003);
    EXPECT_NE(prepare().find("A write may have been missed"), std::string::npos);
    EXPECT_EQ(protection->pages(), std::vector{Gpa{0x10a000}});
}

// ---- What a vCPU does

TEST_F(PageGuardTest, AWatchedWriteIsReportedAfterItsInstruction) {
    run_guarded();
    store(kData + 1);
    ASSERT_TRUE(reason<gdbstub::StoppedByWatchpoint>());
    EXPECT_EQ(reason<gdbstub::StoppedByWatchpoint>()->address, kData);
    EXPECT_TRUE(protection->closed());
    EXPECT_EQ(hits(), 1U);
}

TEST_F(PageGuardTest, AnotherWriteToThePageIsOneStep) {
    run_guarded();
    store(kData + 8);
    EXPECT_FALSE(stopped_here());
    EXPECT_FALSE(steps());
    EXPECT_TRUE(protection->closed());
}

TEST_F(PageGuardTest, InterruptsAreHeldBackMeanwhile) {
    run_guarded();
    about_to_store(kData + 8);
    ASSERT_TRUE(debugger->on_write_fault());
    EXPECT_TRUE(vcpu->now().has(KVM_GUESTDBG_BLOCKIRQ));
}

TEST_F(PageGuardTest, AStopInTheMiddleClosesThePages) {
    run_guarded();
    about_to_store(kData + 8);
    ASSERT_TRUE(debugger->on_write_fault());
    debugger->on_parked();
    EXPECT_TRUE(protection->closed());
}

TEST_F(PageGuardTest, AnEarlyTrapIsNotTheWrite) {
    run_guarded();
    about_to_store(kData);
    ASSERT_TRUE(debugger->on_write_fault());
    stepped_to(kCode);
    EXPECT_FALSE(stopped_here());
    EXPECT_FALSE(protection->closed());
    guest.poke<std::uint8_t>(kData, 1);
    stepped_to(kCode + 2);
    EXPECT_TRUE(reason<gdbstub::StoppedByWatchpoint>());
}

TEST_F(PageGuardTest, AClientsStepThatWritesIsOneStep) {
    watch();
    prepare();
    resume(gdbstub::Step{});
    store(kData + 8);
    EXPECT_TRUE(reason<gdbstub::StoppedBySignal>());
    EXPECT_TRUE(protection->closed());
}

TEST_F(PageGuardTest, AFrameOfAnInterruptEndsTheProtection) {
    run_guarded();
    about_to_store(kData);
    vcpu->pending.interrupt.injected = 1;
    ASSERT_TRUE(debugger->on_write_fault());
    EXPECT_FALSE(table.plan().guarded);
    EXPECT_FALSE(protection->closed());
    EXPECT_TRUE(steps()) << "the watchpoint is watched by stepping";
    EXPECT_NE(events.guard_ended, "");
    prepare();
    EXPECT_FALSE(guarded()) << "for good";
}

TEST_F(PageGuardTest, SoDoesAnotherMappingOfTheAddress) {
    watch(TestGuest::kMapped);
    prepare();
    resume();
    guest.poke<std::uint64_t>(TestGuest::kTable, 0x10a003);
    debugger->on_interrupted();
    EXPECT_TRUE(steps());
    EXPECT_NE(events.guard_ended.find("a write may have been missed"), std::string::npos);
}

TEST_F(PageGuardTest, SoDoesAnAreaOfKvms) {
    run_guarded();
    vcpu->msrs[x86::msr::kKvmSystemTime] = kData + 0x40 + 1;
    debugger->on_interrupted();
    EXPECT_TRUE(steps());
}

TEST_F(PageGuardTest, AFailureThatIsNotOfThesePagesIsNotOurs) {
    resume();
    EXPECT_FALSE(debugger->on_write_fault());
}

TEST_F(PageGuardTest, AFaultThatComesLateIsTriedAgainButNotForEver) {
    run_guarded();
    ASSERT_TRUE(protection->open());
    EXPECT_TRUE(debugger->on_write_fault());
    EXPECT_FALSE(steps());
    bool ours = true;
    for (int i = 0; i < 2000 && ours; ++i)
        ours = debugger->on_write_fault();
    EXPECT_FALSE(ours);
}

TEST_F(PageGuardTest, PagesThatNobodyNeedsAreOpenedAtTheNextWrite) {
    run_guarded();
    table.remove_all(stopped.token());
    EXPECT_TRUE(debugger->on_write_fault());
    EXPECT_FALSE(protection->closed());
    EXPECT_FALSE(steps());
}

TEST_F(PageGuardTest, WhatKvmCouldNotWriteIsWrittenAndReported) {
    run_guarded();
    const std::byte data[] = {std::byte{7}, std::byte{8}};
    EXPECT_TRUE(debugger->on_unwritten(Gpa{kData + 3}, data));
    EXPECT_EQ(byte(kData + 3), 7);
    EXPECT_EQ(byte(kData + 4), 8);
    last_stop = coordinator->last_stop();
    EXPECT_TRUE(std::holds_alternative<gdbstub::StoppedByWatchpoint>(last_stop.reason));
    EXPECT_FALSE(table.plan().guarded);
}

TEST_F(PageGuardTest, WhatKvmFailsToEmulateIsTriedAgainWithoutProtection) {
    run_guarded();
    debugger->on_fatal_exit(machine::FatalExit::EmulationFailure);
    EXPECT_FALSE(stopped_here());
    EXPECT_EQ(events.dead, 0);
    EXPECT_FALSE(protection->closed());
    EXPECT_TRUE(steps());
}

TEST_F(PageGuardTest, WhatIsNotInThesePagesIsADevices) {
    run_guarded();
    const std::byte data[] = {std::byte{7}};
    EXPECT_FALSE(debugger->on_unwritten(Gpa{kData + 0x1000}, data));
}

TEST_F(PageGuardTest, WhereEveryInstructionWritesThePageSteppingTakesOver) {
    run_guarded();
    for (unsigned i = 0; i < WatchCost::kWritesMeasured && !steps(); ++i)
        store(kData + 8);
    EXPECT_FALSE(steps());
    store(kData + 8);
    ASSERT_TRUE(steps()) << "stepping is tried";
    EXPECT_FALSE(protection->closed());
    EXPECT_TRUE(guard.trying());
    EXPECT_FALSE(stopped_here());
    ASSERT_TRUE(guard.give_up("it is faster"));
    EXPECT_FALSE(guard.trying()) << "it is not given up again at each step";
}

}  // namespace
}  // namespace ringside::debug
