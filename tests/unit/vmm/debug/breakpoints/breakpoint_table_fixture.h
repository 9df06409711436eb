// A breakpoint table over a guest made of values, on a host that can do everything.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <initializer_list>
#include <vector>

#include "tests/unit/vmm/debug/breakpoints/stopped_machine.h"
#include "tests/unit/vmm/debug/guest/test_guest.h"
#include "vmm/debug/breakpoints/breakpoint_table.h"

namespace ringside::debug {

using gdbstub::BreakpointKind;
using testing::TestGuest;

inline constexpr std::uint8_t kInt3 = 0xcc, kNop = 0x90;
inline constexpr std::uint64_t kCode = 0x20000, kOtherCode = 0x20010;
// The page after TestGuest::kMapped, and the physical address of its first byte.
inline constexpr std::uint64_t kMappedGpa = 0x100000;

inline HostAbilities everything() {
    HostAbilities abilities;
    abilities.int3_real = abilities.int3_protected = abilities.int3_long = abilities.int3_user =
        Int3::DebugExit;
    abilities.execute_slots = abilities.execute_slots_user = abilities.data_slots = true;
    return abilities;
}

class BreakpointTableTest : public ::testing::Test {
  protected:
    BreakpointTableTest() {
        use(everything());
        for (const std::uint64_t address : {kCode, kOtherCode, kMappedGpa})
            guest_.poke(address, kNop);
    }

    void use(const HostAbilities& abilities) { table_.set_abilities(abilities); }
    Result<void> insert(BreakpointKind kind, std::uint64_t address, std::uint64_t size = 1) {
        gdbstub::BreakpointRequest request;
        request.kind = kind;
        request.address = address;
        request.size = size;
        return table_.insert(machine_.token(), guest_.view, guest_.state.system, request);
    }
    void remove(BreakpointKind kind, std::uint64_t address, std::uint64_t size = 1) {
        table_.remove(machine_.token(), kind, address, size);
    }
    void write_under(std::uint64_t gpa, std::initializer_list<unsigned char> values) {
        std::vector<std::byte> data;
        for (const unsigned char value : values)
            data.push_back(std::byte{value});
        table_.planted().write(Gpa{gpa}, guest_.memory.span(Gpa{gpa}, data.size()), data,
                               machine::WrittenBy::Client);
    }
    Mechanism mechanism(std::size_t breakpoint = 0) const { return table_.list().at(breakpoint)->mechanism; }
    std::byte seen_by_a_client(std::uint64_t gpa) const {
        std::array<std::byte, 1> bytes{std::byte{guest_.peek(gpa)}};
        table_.planted().hide(Gpa{gpa}, bytes);
        return bytes[0];
    }

    machine::StoppedMachineOfTests machine_;
    TestGuest guest_;
    BreakpointTable table_{guest_.memory};
};

}  // namespace ringside::debug
