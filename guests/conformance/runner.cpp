#include "guests/conformance/runner.h"

#include "guests/lib/console.h"
#include "guests/lib/exit.h"

volatile Test selected_test;
Result results[kMaximumScenarios];

namespace {

void run_one(const Scenario& scenario, Result& result) {
    const bool passed = scenario.run();
    ++result.runs;
    if (!passed)
        ++result.failures;
    if (result.runs == 1 || !passed)  // a kernel that runs for ever does not say the same for ever
        guest::print(passed ? "ok " : "not ok ", scenario.name, "\n");
}

bool is_selected(const Scenario& scenario, const guest::CommandLine& options) {
    const Test selected = selected_test;
    if (selected == Test::All)
        return !scenario.stays && !options.has("skip", scenario.name);
    return scenario.test == selected;
}

// Looks the option up once: on a host where breakpoints are looked for step by step, every instruction up to
// the scenario is a step.
Test test_of_command_line(const Scenario* table, unsigned count, const guest::CommandLine& options) {
    const char* wanted = options.find("test");
    for (unsigned i = 0; wanted != nullptr && i < count; ++i)
        if (guest::word_is(wanted, table[i].name))
            return table[i].test;
    return Test::All;
}

bool all_passed(unsigned count) {
    for (unsigned i = 0; i < count; ++i)
        if (results[i].failures > 0)
            return false;
    return true;
}

}  // namespace

extern "C" void ready() {}

void run_scenarios(const Scenario* table, unsigned count, const guest::CommandLine& options) {
    for (unsigned i = 0; i < count; ++i)
        results[i].test = table[i].test;
    selected_test = test_of_command_line(table, count, options);
    const unsigned long rounds = options.number("rounds", 0);
    for (unsigned long round = 0; rounds == 0 || round < rounds; ++round) {
        ready();
        for (unsigned i = 0; i < count; ++i)
            if (is_selected(table[i], options))
                run_one(table[i], results[i]);
    }
    guest::print("done\n");
    guest::debug_exit(all_passed(count) ? guest::kPassed : guest::kFailed);
}
