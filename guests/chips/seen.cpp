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
constexpr uint16_t kPitChannel0 = 0x40, kPitChannel2 = 0x42, kPitCommand = 0x43;
constexpr uint32_t kMsrMtrrCap = 0xfe, kMsrSysenterCs = 0x174, kMsrSysenterEsp = 0x175,
                   kMsrSysenterEip = 0x176, kMsrPat = 0x277, kMsrMtrrDefault = 0x2ff, kMsrCstar = 0xc0000083,
                   kMsrKernelGsBase = 0xc0000102;

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
    out8(kPitCommand, 0xb4);   // channel 2, both bytes, rate generator
    out8(kPitChannel2, 0x34);
    out8(kPitChannel2, 0x12);
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

void look_at_pit() {
    out8(kPitCommand, 0xee);  // read back the status of all channels
    for (uint16_t channel = 0; channel < 3; ++channel)
        seen.pit_status[channel] = in8(static_cast<uint16_t>(kPitChannel0 + channel));
}

void set_up_msrs() {
    guest::write_msr(guest::kMsrLstar, 0xffff800012345678);
    guest::write_msr(guest::kMsrStar, 0x0018000800000000);
    guest::write_msr(kMsrCstar, 0xffff800087654321);
    guest::write_msr(guest::kMsrFmask, 0x47700);
    guest::write_msr(kMsrKernelGsBase, 0xffff800000abc000);
    guest::write_msr(kMsrSysenterCs, 0x10);
    guest::write_msr(kMsrSysenterEsp, 0x123000);
    guest::write_msr(kMsrSysenterEip, 0x124000);
}

void look_at_msrs() {
    constexpr uint32_t kNumbers[] = {guest::kMsrApicBase, kMsrMtrrCap,      kMsrSysenterCs,  kMsrSysenterEsp,
                                     kMsrSysenterEip,     kMsrPat,          kMsrMtrrDefault, guest::kMsrEfer,
                                     guest::kMsrStar,     guest::kMsrLstar, kMsrCstar,       guest::kMsrFmask,
                                     guest::kMsrGsBase,   kMsrKernelGsBase};
    static_assert(sizeof kNumbers / sizeof *kNumbers == sizeof seen.msrs / sizeof *seen.msrs);
    SeenMsr* next = seen.msrs;
    for (const uint32_t number : kNumbers)
        *next++ = {number, guest::read_msr(number)};
}

void look_at_leaves(uint32_t first) {
    const uint32_t last = guest::cpuid(first).eax;
    for (uint32_t leaf = first; leaf <= last; ++leaf) {
        if (seen.leaf_count == sizeof seen.leaves / sizeof *seen.leaves)
            return;
        const guest::CpuidLeaf values = guest::cpuid(leaf);
        seen.leaves[seen.leaf_count++] = {leaf, values.eax, values.ebx, values.ecx, values.edx};
    }
}

// Page tables are mapped onto themselves.
void walk(uint64_t address) {
    constexpr uint64_t kPresent = 1, kLarge = 0x80, kAddress = 0xffffffffff000;
    seen.walked = address;
    uint64_t table = seen.cr3 & kAddress;
    for (unsigned shift = 39; shift >= 12; shift -= 9) {
        const uint64_t entry = reinterpret_cast<const uint64_t*>(table)[address >> shift & 511];
        seen.walk[seen.walk_length++] = entry;
        if ((entry & kPresent) == 0 || (shift < 39 && (entry & kLarge) != 0))
            return;
        table = entry & kAddress;
    }
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
    set_up_msrs();
    look_at_chips();
    look_at_pit();
    asm volatile("sgdt %0" : "=m"(seen.gdt));
    asm volatile("sidt %0" : "=m"(seen.idt));
    asm volatile("str %0" : "=r"(seen.task_selector));
    seen.lstar = guest::read_msr(guest::kMsrLstar);
    seen.star = guest::read_msr(guest::kMsrStar);
    seen.pat = guest::read_msr(kMsrPat);
    seen.apic_base = guest::read_msr(guest::kMsrApicBase);
    copy(seen.cpuid_vendor, guest::cpuid(0));
    copy(seen.cpuid_version, guest::cpuid(1));
    look_at_leaves(0);
    look_at_leaves(0x80000000);
    guest::write_cr2(0x123456789000);
    seen.cr0 = guest::read_cr0(), seen.cr2 = guest::read_cr2();
    seen.cr3 = guest::read_cr3(), seen.cr4 = guest::read_cr4();
    look_at_msrs();
    walk(reinterpret_cast<uint64_t>(&seen));
}

void look_at_chips() {
    look_at_pics();
    look_at_apics();
    asm volatile("pushf; pop %0" : "=r"(seen.flags));
}

void ready() {
    asm volatile("");
}
