// A vCPU's debugger on a host without data slots, whose watchpoints have their pages write-protected.
#pragma once

#include <string>
#include <vector>

#include "tests/unit/vmm/debug/run_control/scripted_protection.h"
#include "tests/unit/vmm/debug/run_control/vcpu_debugger_fixture.h"
#include "vmm/debug/run_control/page_guard.h"

namespace ringside::debug {

using ringside::testing::ScriptedProtection;

inline HostAbilities without_data_slots() {
    auto abilities = a_complete_host();
    abilities.data_slots = false;
    abilities.write_faults = true;
    return abilities;
}

class PageGuardTest : public VcpuDebuggerTest {
  protected:
    PageGuardTest() : VcpuDebuggerTest(without_data_slots()) {
        auto owned = std::make_unique<ScriptedProtection>(machine->memory());
        protection = owned.get();
        machine->set_write_protection(std::move(owned));
        context->guard = &guard;
        guest.poke<std::uint64_t>(kData, 0);
    }
    std::string prepare(bool steps = false) {
        const PageGuard::Vcpu vcpus[] = {{vcpu->system_registers, areas}};
        return guard.prepare(stopped.token(), context->abilities, vcpus, steps);
    }
    void watch(std::uint64_t address = kData, std::uint64_t size = 4,
               BreakpointKind kind = BreakpointKind::WriteWatch) {
        insert(kind, address, true, size);
    }
    void run_guarded() {
        watch();
        prepare();
        resume();
        ASSERT_TRUE(protection->closed());
        ASSERT_FALSE(steps());
    }
    // mov %al, (%rbx)
    void about_to_store(std::uint64_t address) {
        code({0x88, 0x03});
        vcpu->registers.rbx = address;
        vcpu->registers.rip = kCode;
    }
    void store(std::uint64_t address) {
        about_to_store(address);
        ASSERT_TRUE(debugger->on_write_fault());
        ASSERT_TRUE(steps());
        ASSERT_FALSE(protection->closed());
        guest.poke<std::uint8_t>(address, 1);
        stepped_to(kCode + 2);
    }
    const char* mechanism() const { return mechanism_name(*table.list().front()); }
    bool guarded() const { return table.plan().guarded && protection->closed(); }

    PageGuard guard{*machine, table, view};
    std::vector<Gpa> areas;
    ScriptedProtection* protection = nullptr;
};

}  // namespace ringside::debug
