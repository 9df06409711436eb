#include "vmm/debug/host/host_table.h"

#include <algorithm>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ringside::debug {
namespace {

using ::testing::HasSubstr;

HostAbilities perfect() {
    HostAbilities a;
    a.int3_real = a.int3_protected = a.int3_long = a.int3_user = Int3::DebugExit;
    a.halt_traps = a.undefined_traps = true;
    a.execute_slots = a.execute_slots_user = a.data_slots = a.own_slots_fire = a.debug_register_exits = true;
    a.step_real = a.step_long = a.step_user = a.step_survives_emulation = a.step_blocks_interrupts = true;
    a.write_faults = a.cpuid_masks = a.msr_exits = a.synced_registers = true;
    return a;
}

TEST(HostTable, AHostThatCanDoEverythingNeedsNoOtherWay) {
    for (const HostRow& row : host_rows(perfect())) {
        EXPECT_TRUE(row.works) << row.key;
        EXPECT_EQ(row.consequence, "") << row.key;
    }
}

TEST(HostTable, EveryLackNamesWhatIsDoneInstead) {
    HostAbilities nothing;
    nothing.step_traps_again = true;
    for (const HostRow& row : host_rows(nothing)) {
        EXPECT_FALSE(row.works) << row.key;
        EXPECT_NE(row.consequence, "") << row.key;
    }
}

TEST(HostTable, KeysAreUnique) {
    std::set<std::string> keys;
    for (const HostRow& row : host_rows(perfect()))
        EXPECT_TRUE(keys.insert(row.key).second) << row.key;
}

TEST(HostTable, AnInt3ThatFailsToEmulateIsUsable) {
    auto abilities = perfect();
    abilities.int3_long = Int3::EmulationFailure;
    EXPECT_THAT(format_host_table(abilities), HasSubstr("by emulation failure  recognized as the hit"));
}

}  // namespace
}  // namespace ringside::debug
