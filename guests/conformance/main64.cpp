// conformance: the debugger's conformance scenarios in long mode, user mode included. See README.md.

#include "guests/conformance/scenarios.h"
#include "guests/conformance/user.h"
#include "guests/lib/boot_info.h"
#include "guests/lib/console.h"

namespace {

const Scenario scenarios[] = {
    COMMON_SCENARIOS,
    {Test::UserBreak, "user_break", check_user_break, false},
    {Test::UserInt, "user_int", check_user_int, false},
    {Test::UserInt3, "user_int3", check_user_int3, false},
    {Test::UserSyscall, "user_syscall", check_user_syscall, false},
    LAST_SCENARIOS,
};

}  // namespace

extern "C" void guest_main(const guest::HvmStartInfo& info) {
    const guest::CommandLine options(guest::command_line_of(info));
    guest::print("conformance\n");
    initialise_scenarios();
    initialise_user_mode();
    run_scenarios(scenarios, sizeof scenarios / sizeof scenarios[0], options);
}
