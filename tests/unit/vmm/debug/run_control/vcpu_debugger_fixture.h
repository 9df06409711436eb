// One vCPU's debugger over a scripted vCPU and a guest made of values. No thread runs: a test puts the vCPU at an exit,
// delivers it, and checks what was armed, written and reported.
#pragma once

#include <gtest/gtest.h>

#include <initializer_list>
#include <memory>
#include <optional>
#include <vector>

#include "arch/x86_64/control_bits.h"
#include "tests/support/no_observer.h"
#include "tests/support/scripted_vcpu.h"
#include "tests/unit/vmm/debug/breakpoints/stopped_machine.h"
#include "tests/unit/vmm/debug/guest/test_guest.h"
#include "vmm/debug/run_control/vcpu_debugger.h"

namespace ringside::debug {

using gdbstub::BreakpointKind;
using ringside::testing::NoObserver;
using ringside::testing::ScriptedVcpu;
using testing::TestGuest;

class SeenEvents final : public VcpuEvents {
  public:
    int dead = 0, slots_short = 0, completed = 0;
    void on_dead(VcpuIndex, machine::FatalExit, const std::string&) override { ++dead; }
    void on_slots_short(VcpuIndex) override { ++slots_short; }
    void on_completed(VcpuIndex) override { ++completed; }
    void on_guard_ended(VcpuIndex, const std::string& why) override { guard_ended = why; }
    std::string guard_ended;
    void on_printed(VcpuIndex, const std::string& text) override { printed += text; }
    std::string printed;
};

class ScriptedExitTrap final : public ExitTrap {
  public:
    ExitTraps traps;
    bool caught = false;
    Result<void> arm(ExitTraps wanted) override {
        traps = wanted;
        return {};
    }
    bool armed() const override { return traps.any(); }
    bool take_caught() override { return std::exchange(caught, false); }
};

inline HostAbilities a_complete_host() {
    HostAbilities abilities;
    abilities.int3_real = abilities.int3_protected = abilities.int3_long = abilities.int3_user =
        Int3::DebugExit;
    abilities.execute_slots = abilities.execute_slots_user = abilities.data_slots = true;
    abilities.step_real = abilities.step_long = abilities.step_user = true;
    abilities.step_survives_emulation = abilities.step_blocks_interrupts = true;
    return abilities;
}

class VcpuDebuggerTest : public ::testing::Test {
  protected:
    static constexpr std::uint64_t kCode = 0x20000, kStack = 0x30000, kData = 0x40000;
    static constexpr std::uint8_t kInt3Byte = 0xcc, kNop = 0x90;
    static constexpr std::uint32_t kStep = KVM_GUESTDBG_SINGLESTEP;
    static constexpr std::uint32_t kBreakpointVector = 3, kDebugVector = 1;
    static constexpr std::uint64_t kBs = 1 << 14, kTf = 1 << 8, kRf = 1 << 16;

    explicit VcpuDebuggerTest(const HostAbilities& abilities = a_complete_host()) {
        auto owned = std::make_unique<ScriptedVcpu>();
        vcpu = owned.get();
        vcpu->system_registers = guest.state.system;
        vcpu->registers.rip = kCode;
        vcpu->registers.rsp = kStack;
        vcpu->registers.rflags = 2;
        std::vector<std::unique_ptr<kvm::VcpuPort>> vcpus;
        vcpus.push_back(std::move(owned));
        machine = machine::Machine::assemble(std::move(machine::GuestMemory::create(0x200000).value()), {},
                                             std::move(vcpus), observer);
        coordinator = std::make_unique<StopCoordinator>(*machine, [](std::optional<VcpuIndex>) {});
        context = std::make_unique<DebugContext>(DebugContext{.table = table,
                                                              .view = view,
                                                              .coordinator = *coordinator,
                                                              .registers = registers,
                                                              .events = events});
        context->new_exit_trap = [this] {
            auto trap = std::make_unique<ScriptedExitTrap>();
            exit_trap = trap.get();
            return trap;
        };
        use(abilities);
        debugger = std::make_unique<VcpuDebugger>(machine->vcpu(VcpuIndex{0}), *context);
        for (std::uint64_t at = kCode; at < kCode + 64; ++at)
            guest.poke<std::uint8_t>(at, kNop);
    }

    void use(const HostAbilities& abilities) {
        context->abilities = abilities;
        table.set_abilities(abilities);
    }
    void code(std::initializer_list<std::uint8_t> bytes, std::uint64_t at = kCode) {
        for (const std::uint8_t byte : bytes)
            guest.poke(at++, byte);
    }
    // An agent expression: constant 0.
    static std::vector<std::byte> never() { return {std::byte{0x22}, std::byte{0}, std::byte{0x27}}; }

    void insert(BreakpointKind kind, std::uint64_t address, bool stops = true, std::uint64_t size = 1) {
        gdbstub::BreakpointRequest request;
        request.kind = kind;
        request.address = address;
        request.size = size;
        if (!stops)
            request.conditions.push_back(never());
        ASSERT_TRUE(table.insert(stopped.token(), view, guest.state.system, request));
    }
    void resume(const gdbstub::ResumeAction& action = gdbstub::Continue{}) {
        debugger->set_action(action);
        const VcpuIndex all[] = {VcpuIndex{0}};
        coordinator->resume(all);
        debugger->before_entry(nullptr);
    }
    void int3_at(std::uint64_t rip) {
        vcpu->registers.rip = rip;
        vcpu->debug_exit(kBreakpointVector);
        debugger->on_debug_exit();
    }
    void debug_at(std::uint64_t rip, std::uint64_t dr6, std::uint64_t dr7 = 0x400) {
        vcpu->registers.rip = rip;
        vcpu->debug_exit(kDebugVector, dr6, dr7);
        debugger->on_debug_exit();
    }
    void stepped_to(std::uint64_t rip) { debug_at(rip, kBs); }

    bool steps() const { return vcpu->now().has(kStep); }
    bool stopped_here() const { return debugger->stop_registers() != nullptr; }
    template <typename Reason>
    const Reason* reason() const {
        last_stop = coordinator->last_stop();
        return stopped_here() ? std::get_if<Reason>(&last_stop.reason) : nullptr;
    }
    std::uint64_t hits(std::size_t breakpoint = 0) const { return table.list().at(breakpoint)->hits; }
    bool was_injected(std::uint32_t bit) const {
        return std::ranges::any_of(vcpu->armed, [bit](const auto& each) { return each.has(bit); });
    }
    std::uint8_t byte(std::uint64_t at) const { return guest.peek(at); }

    machine::StoppedMachineOfTests stopped;
    NoObserver observer;
    SeenEvents events;
    TestGuest guest;
    BreakpointTable table{guest.memory};
    GuestView view{guest.memory, table.planted(), 40};
    x86::RegisterFile registers{x86::FeatureSet{}, x86::GdbArchitecture::X86_64};
    ScriptedVcpu* vcpu = nullptr;
    ScriptedExitTrap* exit_trap = nullptr;
    std::unique_ptr<machine::Machine> machine;
    std::unique_ptr<StopCoordinator> coordinator;
    std::unique_ptr<DebugContext> context;
    std::unique_ptr<VcpuDebugger> debugger;
    mutable gdbstub::StopEvent last_stop;
};

}  // namespace ringside::debug
