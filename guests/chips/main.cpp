// chips: the interrupt controllers and descriptor tables in a known state, and an interrupt that does not come.
//
// The guest sets up both 8259As, the 8254, the I/O APIC, its local APIC, a task state segment and a few MSRs, reads all
// of it back into `seen`, and calls ready(). Then the serial port requests its interrupt again and again,
// each time blocked by something else; blocked() is called while it is.
//
// To see:  break ready, monitor lapic, monitor ioapic, monitor idt, p/x seen
//          break blocked, monitor why-no-irq 4, p cause
//
// It ends with 0x10 in the debug-exit port if the interrupt came when nothing blocked it, otherwise with 0x11.

#include "guests/chips/chips.h"
#include "guests/chips/seen.h"
#include "guests/lib/boot_info.h"
#include "guests/lib/console.h"
#include "guests/lib/exit.h"
#include "guests/lib/interrupts.h"
#include "guests/lib/ports.h"

using namespace chips;
using guest::in8;
using guest::out8;

constexpr uint16_t kSerial = 0x3f8, kSerialEnable = kSerial + 1, kSerialIdentify = kSerial + 2,
                   kSerialModem = kSerial + 4;
constexpr unsigned kSerialLine = 4;
constexpr unsigned kSerialVector = 0x34;
constexpr unsigned kHigherVector = 0x3c;  // of the same priority class
constexpr unsigned kSpuriousVector = 0x4f;
constexpr uint16_t kFirstPicMask = 0x21, kSecondPicMask = 0xa1;

constexpr unsigned kPatience = 1000000;

static volatile unsigned long interrupts_taken, higher_taken;
static volatile uint32_t in_service_seen;  // the ISR's word for kHigherVector, in its handler

// Called while the serial port's interrupt waits. `cause` says what for.
[[gnu::noinline]] static void blocked(const char* cause) {
    guest::print("blocked: ", cause, "\n");
}

static void show_blocked(const char* cause) {
    look_at_chips();
    blocked(cause);
}

static void end_of_interrupt() {
    local_apic(kEndOfInterrupt) = 0;
}

static void on_serial(guest::InterruptFrame&) {
    in8(kSerialIdentify);  // takes the request back
    interrupts_taken = interrupts_taken + 1;
    end_of_interrupt();
}

// The transmitter is always empty, so its interrupt is requested as soon as it is enabled.
static void request_serial() {
    out8(kSerialEnable, 0);
    out8(kSerialEnable, 2);
}

static void open_pin() {
    redirect(kSerialLine, kSerialVector);
}

static void on_higher(guest::InterruptFrame&) {
    in_service_seen = local_apic(kInService + kHigherVector / 32 * 16);
    request_serial();
    guest::enable_interrupts();
    show_blocked("in service");
    guest::disable_interrupts();
    higher_taken = higher_taken + 1;
    end_of_interrupt();
}

// With interrupts on until `count` has changed, which takes a software-virtualised CPU more than an instruction or two.
static bool changes(const volatile unsigned long& count) {
    const unsigned long before = count;
    guest::enable_interrupts();
    for (unsigned turn = 0; turn < kPatience && count == before; ++turn)
        guest::spin_hint();
    guest::disable_interrupts();
    out8(kSerialEnable, 0);
    return count != before;
}

static void check(bool as_expected) {
    if (!as_expected)
        guest::debug_exit(guest::kFailed);
}

static void go_through_causes() {
    request_serial();
    show_blocked("masked");  // in the I/O APIC and in the first 8259A
    open_pin();
    request_serial();
    show_blocked("flag");  // RFLAGS.IF
    check(changes(interrupts_taken));
    local_apic(kTaskPriority) = 0x30;
    request_serial();
    guest::enable_interrupts();
    show_blocked("priority");
    guest::disable_interrupts();
    local_apic(kTaskPriority) = 0;
    check(changes(interrupts_taken));
    local_apic(kCommandLow) = kToSelf | kHigherVector;
    check(changes(higher_taken));
    show_blocked("idle");
    local_apic(kSpurious) = kSpuriousVector;
    request_serial();
    show_blocked("disabled");
}

extern "C" void guest_main(const guest::HvmStartInfo&) {
    guest::print("chips: interrupt controllers in a known state\n");
    guest::initialise_interrupts();
    guest::set_handler(kSerialVector, on_serial);
    guest::set_handler(kHigherVector, on_higher);
    guest::set_handler(kSpuriousVector, [](guest::InterruptFrame&) {});
    set_up_and_look();
    out8(kFirstPicMask, 0xff);
    out8(kSecondPicMask, 0xff);
    out8(kSerialModem, 0x0b);  // DTR, RTS and OUT2: the line is connected to the interrupt controller
    ready();
    go_through_causes();
    guest::print("ok\n");
    guest::debug_exit(guest::kPassed);
}
