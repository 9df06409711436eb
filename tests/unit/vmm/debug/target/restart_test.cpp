// The machine restarts under its debugger.

#include <cstring>
#include <utility>

#include "tests/support/scripted_exits.h"
#include "tests/unit/vmm/debug/target/debugger_fixture.h"
#include "vmm/debug/run_control/vcpu_debugger.h"

namespace ringside::debug {
namespace {

using ringside::testing::shut_down;

constexpr std::uint64_t kFirstInstruction = 0x20008;  // where the vCPUs begin again

class RestartTest : public DebuggerTest {
  protected:
    explicit RestartTest(const DebuggerOptions& options = {.wait = true}) : DebuggerTest(options) {
        owner.restarts = [this](const machine::StopToken& token) {
            ++restarts;
            machine->power_on(token);
            const std::array<std::byte, 16> code{std::byte{0xf4}};
            EXPECT_TRUE(machine->memory().write(Gpa{kCode}, code));
            for (auto* each : vcpu)
                each->registers.rip = kFirstInstruction;
        };
    }
    std::uint64_t rip(ThreadId thread) {
        const auto value = target().registers.read(thread, target().registers.pc());
        std::uint64_t rip = 0;
        if (value)
            std::memcpy(&rip, value->data(), sizeof rip);
        return rip;
    }

    int restarts = 0;
};

TEST_F(RestartTest, AStoppedGuestStaysStoppedAtItsFirstInstruction) {
    EXPECT_EQ(rip(kSecond), kCode);
    ASSERT_TRUE(debugger.restart());
    EXPECT_FALSE(target().execution.running());
    EXPECT_EQ(rip(kFirst), kFirstInstruction);
    EXPECT_EQ(rip(kSecond), kFirstInstruction);
    EXPECT_EQ(vcpu[0]->runs + vcpu[1]->runs, 0);
}

TEST_F(RestartTest, ABreakpointIsPlantedInTheNewMemory) {
    insert(kCode);
    EXPECT_EQ(byte(kCode), std::byte{0xcc});
    ASSERT_TRUE(debugger.restart());
    EXPECT_EQ(byte(kCode), std::byte{0xcc});
    ASSERT_TRUE(target().breakpoints->remove(kFirst, gdbstub::BreakpointKind::Software, kCode, 1));
    EXPECT_EQ(byte(kCode), std::byte{0xf4}) << "the new memory's own byte";
}

TEST_F(RestartTest, ARefusalChangesNothing) {
    owner.restarts = nullptr;
    insert(kCode);
    const auto done = debugger.restart();
    ASSERT_FALSE(done);
    EXPECT_NE(done.error().message().find("the file is empty"), std::string::npos);
    EXPECT_EQ(rip(kSecond), kCode);
    EXPECT_EQ(byte(kCode), std::byte{0xcc});
}

TEST_F(RestartTest, AGuestThatRunsRunsOnFromTheStart) {
    resume_all();
    ASSERT_TRUE(debugger.restart());
    EXPECT_EQ(restarts, 0) << "not before every vCPU has stopped";
    while (restarts == 0)
        owner.run_one();
    EXPECT_TRUE(target().execution.running());
    EXPECT_EQ(owner.stops.size(), 1U) << "the client is shown nothing";
    target().execution.interrupt();
    owner.run_one();
    EXPECT_EQ(rip(kSecond), kFirstInstruction);
}

TEST_F(RestartTest, AnInterruptThatComesMeanwhileIsShown) {
    resume_all();
    ASSERT_TRUE(debugger.restart());
    target().execution.interrupt();
    while (owner.stops.size() < 2)
        owner.run_one();
    EXPECT_EQ(restarts, 1);
    EXPECT_FALSE(target().execution.running());
    EXPECT_EQ(rip(kFirst), kFirstInstruction);
}

TEST_F(RestartTest, ADeadVcpuLivesAgain) {
    vcpu[0]->script.push_back(shut_down);
    resume_all();
    while (owner.stops.size() < 2)
        owner.run_one();
    EXPECT_TRUE(debugger.guest().vcpu(VcpuIndex{0}).dead());
    ASSERT_TRUE(debugger.restart());
    EXPECT_FALSE(debugger.guest().vcpu(VcpuIndex{0}).dead());
    resume_all();
    target().execution.interrupt();
    while (owner.stops.size() < 3)
        owner.run_one();
    EXPECT_TRUE(std::holds_alternative<gdbstub::StoppedByInterrupt>(owner.stops[2].reason));
}

class LeavingTest : public RestartTest {
  protected:
    LeavingTest() : RestartTest({.wait = true, .on_disconnect = OnDisconnect::Restart}) {}
};

TEST_F(LeavingTest, TheNextClientFindsTheGuestAtItsFirstInstruction) {
    resume_all();
    target().execution.client_lost();
    while (restarts == 0)
        owner.run_one();
    EXPECT_FALSE(target().execution.running());
    target().execution.attach();
    EXPECT_EQ(rip(kSecond), kFirstInstruction);
}

TEST_F(LeavingTest, AClientThatDetachesOrKillsLeavesItSo) {
    target().execution.detach();
    EXPECT_EQ(restarts, 1);
    target().execution.attach();
    target().execution.kill();
    EXPECT_EQ(restarts, 2);
    EXPECT_EQ(owner.quits, 0);
    EXPECT_FALSE(target().execution.running());
}

TEST_F(LeavingTest, AKernelThatCannotBeLoadedLeavesTheOldGuest) {
    owner.restarts = nullptr;
    target().execution.detach();
    EXPECT_EQ(owner.failures.size(), 1U);
    EXPECT_FALSE(target().execution.running());
    EXPECT_EQ(rip(kSecond), kCode);
}

TEST_F(LeavingTest, AKernelThatIsBuiltMeanwhileIsLoadedForTheNextClient) {
    target().execution.detach();
    target().execution.attach();
    EXPECT_EQ(restarts, 1) << "the files are as they were";
    target().execution.detach();
    owner.changed_files = true;
    target().execution.attach();
    EXPECT_EQ(restarts, 3);
    EXPECT_FALSE(target().execution.running());
    EXPECT_EQ(rip(kSecond), kFirstInstruction);
}

TEST_F(LeavingTest, AKernelThatCouldNotBeLoadedIsTriedAgainForTheNextClient) {
    auto works = std::exchange(owner.restarts, nullptr);
    target().execution.detach();
    EXPECT_EQ(owner.failures.size(), 1U);
    owner.restarts = std::move(works);
    target().execution.attach();
    EXPECT_EQ(restarts, 1);
    EXPECT_EQ(rip(kSecond), kFirstInstruction);
}

// `ringside ctl PATH cont`
TEST_F(LeavingTest, AGuestThatHasRunWithoutAClientIsNotStartedAnew) {
    target().execution.detach();
    resume_all();
    owner.changed_files = true;
    target().execution.attach();
    owner.run_one();
    EXPECT_EQ(restarts, 1);
}

class ResettingGuestTest : public RestartTest {
  protected:
    ResettingGuestTest() : RestartTest({.wait = true, .on_reset = OnReset::Restart}) {
        machine->set_end_handler([this](auto by, const auto& how) { debugger.on_guest_end(by, how); });
        vcpu[1]->script.push_back([this](ScriptedVcpu& v) {
            machine->request_reset("the reset port");
            return v.port_write(0xcf9, 6);
        });
    }
};

TEST_F(ResettingGuestTest, RestartsUnderAClient) {
    resume_all();
    while (restarts == 0)
        owner.run_one();
    EXPECT_TRUE(target().execution.running());
    EXPECT_EQ(owner.stops.size(), 1U);
    EXPECT_NE(owner.console.find("The guest has reset the machine (the reset port), and restarts"),
              std::string::npos);
}

TEST_F(ResettingGuestTest, RestartsWithoutAClient) {
    target().execution.detach();
    while (restarts == 0)
        owner.run_one();
    EXPECT_TRUE(target().execution.running());
    EXPECT_TRUE(owner.ends.empty());
}

TEST_F(ResettingGuestTest, IsShownIfItCannotRestartAndEndsWhenItIsResumed) {
    owner.restarts = nullptr;
    resume_all();
    while (owner.stops.size() < 2)
        owner.run_one();
    EXPECT_EQ(owner.failures.size(), 1U);
    EXPECT_NE(owner.stops[1].console.find("cannot restart: load kernel: the file is empty"),
              std::string::npos);
    EXPECT_EQ(rip(kSecond), kCode);
    resume_all();
    owner.run_one();
    EXPECT_EQ(owner.ends.size(), 1U);
}

}  // namespace
}  // namespace ringside::debug
