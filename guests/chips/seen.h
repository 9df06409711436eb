// What the guest itself reads from its interrupt controllers and tables.
#pragma once

#include <stdint.h>

#include "guests/chips/chips.h"

struct Seen {
    uint32_t local_apic[64];  // each register, 16 bytes apart
    uint64_t redirection[chips::kPins];
    uint8_t pic_masks[2], pic_requests[2], pic_in_service[2];
    uint8_t pit_status;  // of channel 0
    struct [[gnu::packed]] {
        uint16_t limit;
        uint64_t base;
    } gdt, idt;
    uint16_t task_selector;
    uint64_t lstar, star, pat, apic_base;
    uint32_t cpuid_vendor[4], cpuid_version[4];
};
extern Seen seen;

// Puts everything into a state that no reset leaves, and fills `seen`.
void set_up_and_look();

// Called when `seen` is true of the machine.
[[gnu::noinline]] void ready();
