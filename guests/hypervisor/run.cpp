#include "guests/hypervisor/run.h"

#include "guests/hypervisor/l2.h"
#include "guests/lib/console.h"
#include "guests/lib/cpu.h"

using guest::Hex;
using guest::print;

namespace hypervisor {

// L2 sees the processor that L1 sees.
static void do_cpuid() {
    const auto leaf = guest::cpuid(static_cast<uint32_t>(l2.rax), static_cast<uint32_t>(l2.rcx));
    l2.rax = leaf.eax;
    l2.rbx = leaf.ebx;
    l2.rcx = leaf.ecx;
    l2.rdx = leaf.edx;
}

bool handle(const Facts& facts) {
    exits_handled[static_cast<unsigned>(facts.exit)] += 1;
    switch (facts.exit) {
        case Exit::Cpuid:
            do_cpuid();
            print("L2 at ", Hex{facts.instruction}, " executes CPUID\n");
            return true;
        case Exit::Io:
            print("L2 at ", Hex{facts.instruction}, " writes ", Hex{l2.rax & 0xff}, " to a port\n");
            return true;
        case Exit::Hlt:
            print("L2 at ", Hex{facts.instruction}, " halts\n");
            return true;
        case Exit::MissingPage:
            print("L2 at ", Hex{facts.instruction}, " misses the page at ", Hex{facts.address}, "\n");
            return facts.address == kL2LatePage;
        case Exit::Hypercall:
            print("L2 at ", Hex{facts.instruction}, " ends a round\n");
            return false;
        default:
            return false;
    }
}

static bool run_round(const Processing& processor) {
    for (;;) {
        Facts facts;
        if (!processor.run(facts))
            return false;
        const bool goes_on = handle(facts);
        if (facts.exit == Exit::Other)
            return false;
        processor.finish(facts.exit);
        if (!goes_on)
            return facts.exit == Exit::Hypercall;
    }
}

bool run_rounds(unsigned long rounds, const Processing& processor) {
    for (unsigned long round = 0; round < rounds; ++round) {
        if (!run_round(processor))
            return false;
    }
    return true;
}

}  // namespace hypervisor
