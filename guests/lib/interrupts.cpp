#include "guests/lib/interrupts.h"

#include "guests/lib/console.h"
#include "guests/lib/cpu.h"
#include "guests/lib/exit.h"
#include "guests/lib/segments.h"

// The entry stubs follow one another in the order of their vectors, each padded to this size.
constexpr unsigned kStubSize = 16;
extern "C" const uint8_t interrupt_stubs[guest::kVectors * kStubSize];

namespace guest {
namespace {

struct Gate {
    uint16_t offset_low;
    uint16_t selector;
    uint8_t stack_table;
    uint8_t type;  // present, privilege, 0xe = interrupt gate
    uint16_t offset_middle;
#ifdef __x86_64__
    uint32_t offset_high;
    uint32_t reserved;
#endif
};
constexpr unsigned kPresentInterruptGate = 0x8e;

Gate idt[kVectors];
InterruptHandler handlers[kVectors];

void set_gate(unsigned vector, unsigned privilege) {
    const auto stub = reinterpret_cast<uintptr_t>(interrupt_stubs) + vector * kStubSize;
    Gate& gate = idt[vector];
    gate.offset_low = static_cast<uint16_t>(stub);
    gate.selector = KERNEL_CODE;
    gate.type = static_cast<uint8_t>(kPresentInterruptGate | privilege << 5);
    gate.offset_middle = static_cast<uint16_t>(stub >> 16);
}

}  // namespace

// The other gates are set when their handlers are installed: where a debugger has to step to its breakpoints,
// every instruction of a guest's start costs time.
void initialise_interrupts() {
    for (unsigned vector = 0; vector < kVectorFirstIrq; ++vector)
        set_gate(vector, 0);
    load_idt();
}

void load_idt() {
    struct [[gnu::packed]] {
        uint16_t limit;
        unsigned long base;
    } const pointer{sizeof(idt) - 1, reinterpret_cast<uintptr_t>(idt)};
    asm volatile("lidt %0" : : "m"(pointer));
}

void set_handler(unsigned vector, InterruptHandler handler, unsigned privilege) {
    handlers[vector] = handler;
    set_gate(vector, privilege);
}

// Called by the entry stubs with interrupts off.
extern "C" void interrupt_dispatch(InterruptFrame& frame) {
    if (InterruptHandler handler = handlers[frame.vector]) {
        handler(frame);
        return;
    }
    print("unexpected interrupt ", static_cast<unsigned long>(frame.vector), ", error code ",
          Hex{frame.error_code}, ", at ", Hex{frame.ip}, ", CR2 ", Hex{read_cr2()}, "\n");
    debug_exit(kFailed);
}

}  // namespace guest
