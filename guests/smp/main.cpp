// smp: every CPU works at the same function, each on its own data, and all on a shared counter protected by a lock.
//
// The boot processor wakes the others with INIT and SIPI (startup.cpp, trampoline.S). Each finds its PerCpu
// area through the GS base and calls cpu_work() with its own index, round after round.
//
// To see:  info threads, thread apply all bt, break cpu_work if cpu == 1, p per_cpu[1], p shared_counter,
//          watch per_cpu[1].counter, p $gs_base
//
// Command line (PVH):
//   cpus=N     wait for N CPUs; by default until no further CPU has arrived for 50 ms
//   rounds=N   each CPU works N rounds, and the guest checks the sums and writes to the debug-exit port: 0x10
//              if they are right, 0x11 otherwise. By default the guest runs forever.

#include "guests/lib/boot_info.h"
#include "guests/lib/command_line.h"
#include "guests/lib/console.h"
#include "guests/lib/cpu.h"
#include "guests/lib/exit.h"
#include "guests/lib/interrupts.h"
#include "guests/lib/timer.h"
#include "guests/smp/per_cpu.h"
#include "guests/smp/startup.h"

constexpr unsigned kTimerHertz = 100;
constexpr unsigned kReportTicks = 100;

class SpinLock {
  public:
    void lock() {
        while (__atomic_exchange_n(&taken_, true, __ATOMIC_ACQUIRE))
            guest::spin_hint();
    }
    void unlock() { __atomic_store_n(&taken_, false, __ATOMIC_RELEASE); }

  private:
    bool taken_ = false;
};

static SpinLock shared_lock;
static volatile unsigned long shared_counter;
static unsigned long rounds_wanted;  // 0: for ever
static volatile bool started;

static void count_shared() {
    shared_lock.lock();
    shared_counter = shared_counter + 1;
    shared_lock.unlock();
}

// One round of one CPU.
static void cpu_work(unsigned cpu, unsigned long round) {
    per_cpu[cpu].counter = round + 1;
    count_shared();
}

static void report() {
    static unsigned long next = kReportTicks;
    if (guest::ticks < next)
        return;
    next = guest::ticks + kReportTicks;
    guest::print("shared ", static_cast<unsigned long>(shared_counter), "\n");
}

static void work() {
    PerCpu& cpu = this_cpu();
    for (unsigned long round = 0; rounds_wanted == 0 || round < rounds_wanted; ++round) {
        cpu_work(cpu.index, round);
        if (cpu.index == 0)
            report();
    }
    cpu.done = true;
}

static bool results_are_right(unsigned cpus) {
    for (unsigned cpu = 0; cpu < cpus; ++cpu)
        if (per_cpu[cpu].counter != rounds_wanted)
            return false;
    return shared_counter == cpus * rounds_wanted;
}

static void wait_for_others(unsigned cpus) {
    for (unsigned cpu = 1; cpu < cpus; ++cpu)
        while (!per_cpu[cpu].done)
            guest::spin_hint();
}

extern "C" [[noreturn]] void ap_main(unsigned index) {
    guest::load_idt();
    claim_per_cpu(index);
    guest::enable_interrupts();  // as any kernel's CPU has them, although none of the hardware's comes here
    while (!started)
        guest::spin_hint();
    work();
    guest::halt_forever();
}

extern "C" void guest_main(const guest::HvmStartInfo& info) {
    const guest::CommandLine options(guest::command_line_of(info));
    guest::print("smp: waking the other CPUs\n");
    rounds_wanted = options.number("rounds", 0);

    guest::initialise_interrupts();
    guest::start_timer(kTimerHertz);
    guest::enable_interrupts();
    start_application_processors(static_cast<unsigned>(options.number("cpus", 0)));
    claim_per_cpu(0);

    const unsigned cpus = cpus_online < kMaximumCpus ? cpus_online : kMaximumCpus;
    guest::print("cpus ", cpus, "\n");
    started = true;
    work();
    wait_for_others(cpus);

    const bool passed = results_are_right(cpus);
    for (unsigned cpu = 0; !passed && cpu < cpus; ++cpu)
        guest::print("cpu ", cpu, " counted ", static_cast<unsigned long>(per_cpu[cpu].counter), "\n");
    guest::print("shared ", static_cast<unsigned long>(shared_counter), passed ? "\nok\n" : "\nnot ok\n");
    guest::debug_exit(passed ? guest::kPassed : guest::kFailed);
}
