// A debugger with a client attached, over two scripted vCPUs that run on their own threads.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <span>
#include <vector>

#include "tests/support/scripted_vcpu.h"
#include "tests/unit/vmm/debug/guest/test_guest.h"
#include "tests/unit/vmm/debug/target/queued_owner.h"
#include "vmm/debug/target/debugger.h"

namespace ringside::debug {

using gdbstub::ThreadId;
using ringside::testing::ScriptedVcpu;

class DebuggerTest : public ::testing::Test {
  protected:
    static constexpr std::uint64_t kCode = 0x20000;
    static constexpr ThreadId kFirst{1}, kSecond{2};

    explicit DebuggerTest(const DebuggerOptions& options = {.wait = true}) : options_(options) {
        for (std::uint64_t at = kCode; at < kCode + 16; ++at)
            guest.poke<std::uint8_t>(at, 0x90);
        std::vector<std::unique_ptr<kvm::VcpuPort>> ports;
        for (std::uint32_t i = 0; i < 2; ++i) {
            auto port = std::make_unique<ScriptedVcpu>(VcpuIndex{i});
            port->system_registers = guest.state.system;
            port->registers.rip = kCode;
            vcpu[i] = port.get();
            ports.push_back(std::move(port));
        }
        machine =
            machine::Machine::assemble(std::move(guest.memory), {}, std::move(ports), debugger.observer());
        debugger.bind(*machine);
        target().execution.attach();
        machine->start();
        owner.run_one();
    }
    ~DebuggerTest() override { machine->stop(); }

    gdbstub::Target& target() { return debugger.target(); }
    void insert(std::uint64_t address) {
        gdbstub::BreakpointRequest request;
        request.address = address;
        ASSERT_TRUE(target().breakpoints->insert(kFirst, request));
    }
    void resume(std::initializer_list<gdbstub::ThreadResume> actions) {
        ASSERT_TRUE(target().execution.resume(std::span(actions.begin(), actions.size())));
    }
    void resume_all() { resume({{kFirst, gdbstub::Continue{}}, {kSecond, gdbstub::Continue{}}}); }
    std::byte byte(std::uint64_t at) { return machine->memory().span(Gpa{at}, 1)[0]; }
    static ScriptedVcpu::Turn int3_at(std::uint64_t rip) {
        return [rip](ScriptedVcpu& v) {
            v.registers.rip = rip;
            return v.debug_exit(3);
        };
    }

    const DebuggerOptions options_;
    testing::TestGuest guest;
    QueuedOwner owner;
    std::unique_ptr<machine::Machine> machine;
    Debugger debugger{[] { return Result<HostAbilities>(a_host()); }, options_, owner};
    std::array<ScriptedVcpu*, 2> vcpu{};
};

}  // namespace ringside::debug
