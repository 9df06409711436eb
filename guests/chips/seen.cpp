#include "guests/chips/seen.h"

#include "guests/lib/cpu.h"
#include "guests/lib/ports.h"
#include "guests/lib/segments.h"

using namespace chips;
using guest::in8;
using guest::out8;

Seen seen;

extern "C" uint64_t gdt_task_state[2];
extern "C" uint8_t boot_stack_top[];

namespace {

constexpr uint16_t kPicCommand[2] = {0x20, 0xa0}, kPicData[2] = {0x21, 0xa1};
constexpr uint16_t kPitChannel0 = 0x40, kPitCommand = 0x43;
constexpr uint32_t kMsrPat = 0x277;

struct [[gnu::packed]] TaskState {
    uint32_t reserved0;
    uint64_t stacks[3];  // RSP0 to RSP2
    uint64_t reserved1;
    uint64_t interrupt_stacks[7];
    uint64_t reserved2;
    uint16_t reserved3, io_map;
};
TaskState task_state;

void set_up_pics() {
    for (unsigned chip = 0; chip < 2; ++chip) {
        out8(kPicCommand[chip], 0x11);                                // ICW1
        out8(kPicData[chip], static_cast<uint8_t>(0x20 + 8 * chip));  // ICW2: vectors
        out8(kPicData[chip], chip == 0 ? 4 : 2);                      // ICW3: the cascade
        out8(kPicData[chip], 1);                                      // ICW4
    }
    out8(kPicData[0], 0xf7);
    out8(kPicData[1], 0xef);
}

void set_up_pit() {
    out8(kPitCommand, 0x36);  // channel 0, both bytes, square wave
    out8(kPitChannel0, 0x9c);
    out8(kPitChannel0, 0x2e);  // 11932: 100 Hz
}

void set_up_apics() {
    local_apic(kSpurious) = kSoftwareEnable | 0x4f;
    local_apic(kLint0) = kExtInt | kMasked;
    local_apic(kLint1) = kNmi;
    local_apic(kTimerDivide) = 0xb;  // by 1
    local_apic(kTimer) = kPeriodic | kMasked | 0x41;
    local_apic(kTimerInitial) = 1000000;
    redirect(4, kMasked | 0x34);
    redirect(9, uint64_t{0xff} << 56 | kMasked | 0x8000 | 0x2000 | 0x800 | 0x49);  // level, low, logical
    redirect(10, kMasked | kNmi);
}

void set_up_task_state() {
    task_state.stacks[0] = reinterpret_cast<uint64_t>(boot_stack_top);
    task_state.interrupt_stacks[2] = 0x123450;
    task_state.io_map = sizeof task_state;
    const auto base = reinterpret_cast<uint64_t>(&task_state);
    constexpr uint64_t kAvailable = 0x89;
    gdt_task_state[0] =
        (sizeof task_state - 1) | (base & 0xffffff) << 16 | kAvailable << 40 | (base >> 24 & 0xff) << 56;
    gdt_task_state[1] = base >> 32;
    asm volatile("ltr %0" : : "r"(static_cast<uint16_t>(TASK_STATE)));
}

void look_at_pics() {
    for (unsigned chip = 0; chip < 2; ++chip) {
        seen.pic_masks[chip] = in8(kPicData[chip]);
        out8(kPicCommand[chip], 0x0a);
        seen.pic_requests[chip] = in8(kPicCommand[chip]);
        out8(kPicCommand[chip], 0x0b);
        seen.pic_in_service[chip] = in8(kPicCommand[chip]);
    }
}

void look_at_apics() {
    for (unsigned i = 2; i < 64; ++i) {
        const unsigned offset = 16 * i;
        // Arbitration, EOI, remote read and the other gaps cannot be read everywhere.
        const bool readable = (offset <= 0x30 || offset >= 0x80) && offset != 0x90 && offset != 0xb0 &&
                              offset != 0xc0 && !(offset >= 0x290 && offset < 0x300) && offset < 0x3f0 &&
                              !(offset >= 0x3a0 && offset < 0x3e0);
        if (readable)
            seen.local_apic[i] = local_apic(offset);
    }
    for (unsigned pin = 0; pin < kPins; ++pin)
        seen.redirection[pin] = redirection(pin);
}

void copy(uint32_t (&to)[4], const guest::CpuidLeaf& from) {
    to[0] = from.eax, to[1] = from.ebx, to[2] = from.ecx, to[3] = from.edx;
}

}  // namespace

void set_up_and_look() {
    set_up_pics();
    set_up_pit();
    set_up_apics();
    set_up_task_state();
    guest::write_msr(guest::kMsrLstar, 0xffff800012345678);
    guest::write_msr(guest::kMsrStar, 0x0018000800000000);
    look_at_pics();
    look_at_apics();
    out8(kPitCommand, 0xe2);  // read back channel 0's status
    seen.pit_status = in8(kPitChannel0);
    asm volatile("sgdt %0" : "=m"(seen.gdt));
    asm volatile("sidt %0" : "=m"(seen.idt));
    asm volatile("str %0" : "=r"(seen.task_selector));
    seen.lstar = guest::read_msr(guest::kMsrLstar);
    seen.star = guest::read_msr(guest::kMsrStar);
    seen.pat = guest::read_msr(kMsrPat);
    seen.apic_base = guest::read_msr(guest::kMsrApicBase);
    copy(seen.cpuid_vendor, guest::cpuid(0));
    copy(seen.cpuid_version, guest::cpuid(1));
}

void ready() {
    asm volatile("");
}
