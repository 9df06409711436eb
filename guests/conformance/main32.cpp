// conformance32: the debugger's conformance scenarios in 32-bit protected mode, paging off. See README.md.

#include "guests/conformance/scenarios.h"
#include "guests/lib/boot_info.h"
#include "guests/lib/console.h"

namespace {

const Scenario scenarios[] = {COMMON_SCENARIOS, LAST_SCENARIOS};

}  // namespace

extern "C" void guest_main(uint32_t, const guest::MultibootInfo& info) {
    const guest::CommandLine options(guest::command_line_of(info));
    guest::print("conformance32\n");
    initialise_scenarios();
    run_scenarios(scenarios, sizeof scenarios / sizeof scenarios[0], options);
}
