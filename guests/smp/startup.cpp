#include "guests/smp/startup.h"

#include <stdint.h>

#include "guests/lib/cpu.h"
#include "guests/lib/timer.h"
#include "guests/smp/per_cpu.h"

PerCpu per_cpu[kMaximumCpus];
volatile unsigned cpus_online = 1;

extern "C" const uint8_t ap_trampoline[];
extern "C" const uint8_t ap_trampoline_end[];
extern "C" const uintptr_t kTrampolineAddress;

namespace {

// Local APIC registers (Intel SDM volume 3, "Advanced Programmable Interrupt Controller").
constexpr unsigned kApicId = 0x20;
constexpr unsigned kApicSpurious = 0xf0;
constexpr unsigned kApicCommandLow = 0x300;
constexpr unsigned kApicLint0 = 0x350;
constexpr unsigned kApicLint1 = 0x360;

constexpr uint32_t kSpuriousEnable = 0x1ff;  // software enable, vector 0xff
constexpr uint32_t kLintExtInt = 0x700;      // LINT0 carries the 8259's interrupts
constexpr uint32_t kLintNmi = 0x400;
constexpr uint32_t kAllButSelf = 0xc0000;
constexpr uint32_t kAssertedInit = 0x4500;
constexpr uint32_t kStartup = 0x4600;  // plus the page number of the trampoline

constexpr unsigned kSettleTicks = 5;

volatile uint32_t& apic_register(unsigned offset) {
    const uint64_t base = guest::read_msr(guest::kMsrApicBase) & 0xffffff000;
    return *reinterpret_cast<volatile uint32_t*>(base + offset);
}

void initialise_local_apic() {
    apic_register(kApicSpurious) = kSpuriousEnable;
    apic_register(kApicLint0) = kLintExtInt;
    apic_register(kApicLint1) = kLintNmi;
}

void wait_ticks(unsigned count) {
    for (const unsigned long end = guest::ticks + count; guest::ticks < end;)
        guest::wait_for_interrupt();
}

void install_trampoline() {
    auto* target = reinterpret_cast<uint8_t*>(kTrampolineAddress);
    for (const uint8_t* source = ap_trampoline; source != ap_trampoline_end; ++source)
        *target++ = *source;
}

void wait_until_online(unsigned expected) {
    while (cpus_online < expected)
        wait_ticks(1);
}

void wait_until_settled() {
    unsigned before;
    do {
        before = cpus_online;
        wait_ticks(kSettleTicks);
    } while (cpus_online != before);
}

}  // namespace

void claim_per_cpu(unsigned index) {
    PerCpu& area = per_cpu[index];
    area.self = &area;
    area.index = index;
    area.apic_id = apic_register(kApicId) >> 24;
    guest::write_msr(guest::kMsrGsBase, reinterpret_cast<uintptr_t>(&area));
}

void start_application_processors(unsigned expected) {
    initialise_local_apic();
    if (expected == 1)
        return;
    install_trampoline();
    const auto page = static_cast<uint32_t>(kTrampolineAddress >> 12);
    apic_register(kApicCommandLow) = kAllButSelf | kAssertedInit;
    wait_ticks(2);  // 10 ms at least, as the MultiProcessor Specification asks
    apic_register(kApicCommandLow) = kAllButSelf | kStartup | page;
    wait_ticks(1);
    apic_register(kApicCommandLow) = kAllButSelf | kStartup | page;  // ignored by those that are awake
    if (expected != 0)
        wait_until_online(expected);
    else
        wait_until_settled();
}
