// All-stop on 1, 2 and 4 vCPUs.

#include "guests/smp/per_cpu.h"
#include "tests/conformance/behaviour.h"
#include "tests/conformance/debuggee.h"
#include "tests/conformance/mismatch.h"

namespace ringside::conformance {

namespace {

constexpr unsigned kPassedStatus = 33;  // guests/lib/exit.h
constexpr const char* kWork = "_ZL8cpu_workjm";
constexpr const char* kShared = "_ZL14shared_counter";

// The guest's kernel is 64-bit code as this program is: its types have the same layout.
std::uint64_t counter_of(Debuggee& guest, unsigned cpu) {
    return guest.read_number(guest.symbol("per_cpu") + cpu * sizeof(PerCpu) + offsetof(PerCpu, counter), 8);
}

Debuggee boot(unsigned cpus, unsigned rounds) {
    const auto kernel = guests_folder() / "smp";
    return Debuggee({kernel, fmt::format("cpus={} rounds={}", cpus, rounds), cpus}, kernel);
}

void require_everything_stands(Debuggee& guest, unsigned cpus) {
    std::vector<unsigned> expected;
    for (unsigned thread = 1; thread <= cpus; ++thread)
        expected.push_back(thread);
    require(guest.threads() == expected, "the stub lists {} threads, not 1 to {}", guest.threads().size(),
            cpus);
    std::vector<std::uint64_t> before;
    for (unsigned cpu = 0; cpu < cpus; ++cpu)
        before.push_back(counter_of(guest, cpu));
    for (const unsigned thread : expected)
        require(!guest.thread_state(thread).empty(), "thread {} says nothing of its state", thread);
    for (unsigned cpu = 0; cpu < cpus; ++cpu)
        require_equal("a counter of a stopped CPU", counter_of(guest, cpu), before[cpu]);
}

// Ctrl-C, repeatedly: every vCPU stops, and every vCPU runs on.
std::string stop_and_resume(unsigned cpus) {
    Debuggee guest = boot(cpus, 0);
    guest.run_to(kWork);
    for (int i = 0; i < 5; ++i) {
        guest.run_until_it_counts(guest.symbol(kShared), 8);
        require_everything_stands(guest, cpus);
    }
    return {};
}

// Steps one thread off the breakpoint; the others do not move.
void step_off(Debuggee& guest, unsigned stopped, unsigned cpus) {
    std::vector<std::uint64_t> before;
    for (unsigned thread = 1; thread <= cpus; ++thread) {
        guest.select(thread);
        before.push_back(guest.rip());
    }
    const Stop stop = guest.step(stopped);
    require_equal("the thread that stepped", stop.thread, stopped);
    for (unsigned thread = 1; thread <= cpus; ++thread) {
        guest.select(thread);
        require((guest.rip() == before[thread - 1]) == (thread != stopped),
                "thread {} is at {} after thread {}'s step", thread, guest.symbols().describe(guest.rip()),
                stopped);
    }
}

// Each CPU comes by five times, and no hit is lost or reported twice, however many come at once.
std::string breakpoint(unsigned cpus) {
    constexpr unsigned kRounds = 5;
    Debuggee guest = boot(cpus, kRounds);
    const std::uint64_t site = guest.symbol(kWork);
    std::vector<unsigned> hits(cpus);
    std::string mechanism;
    for (unsigned i = 0; i < cpus * kRounds; ++i) {
        mechanism = guest.insert(BreakKind::Software, site);
        const Stop stop = guest.resume();
        require(stop.reason == "swbreak" && stop.thread >= 1 && stop.thread <= cpus, "{} instead of hit {}",
                stop.describe(), i + 1);
        guest.select(stop.thread);
        require_equal("RIP", guest.rip(), site);
        ++hits[stop.thread - 1];
        guest.remove(BreakKind::Software, site);
        step_off(guest, stop.thread, cpus);
    }
    for (unsigned cpu = 0; cpu < cpus; ++cpu)
        require_equal(fmt::format("the hits of CPU {}", cpu), hits[cpu], kRounds);
    const Stop end = guest.resume();
    require(end.exited && end.code == kPassedStatus, "{} at the end; the guest says:\n{}", end.describe(),
            guest.monitor_process().serial());
    return mechanism;
}

std::string name_for(const char* what, unsigned cpus) {
    return fmt::format("{}_{}", what, cpus);
}

}  // namespace

void add_processors(Behaviours& all) {
    for (const unsigned cpus : {1u, 2u, 4u}) {
        all.push_back(
            {"vcpus", name_for("stop_and_resume", cpus), Mode::Long, [=] { return stop_and_resume(cpus); }});
        all.push_back({"vcpus", name_for("breakpoint", cpus), Mode::Long, [=] { return breakpoint(cpus); }});
    }
}

}  // namespace ringside::conformance
