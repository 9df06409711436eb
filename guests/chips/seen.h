// What the guest itself reads from its interrupt controllers and tables.
#pragma once

#include <stdint.h>

#include "guests/chips/chips.h"

struct SeenMsr {
    uint32_t number;
    uint64_t value;
};

struct SeenLeaf {
    uint32_t leaf, eax, ebx, ecx, edx;  // of subleaf 0
};

struct Seen {
    uint32_t local_apic[64];  // each register, 16 bytes apart
    uint64_t redirection[chips::kPins];
    uint8_t pic_masks[2], pic_requests[2], pic_in_service[2];
    uint8_t pit_status[3];  // of each channel
    struct [[gnu::packed]] {
        uint16_t limit;
        uint64_t base;
    } gdt, idt;
    uint16_t task_selector;
    uint64_t lstar, star, pat, apic_base;
    uint32_t cpuid_vendor[4], cpuid_version[4];
    uint64_t cr0, cr2, cr3, cr4, flags;
    SeenMsr msrs[14];
    SeenLeaf leaves[64];  // basic and extended ones
    unsigned leaf_count;
    uint64_t walked, walk[4];  // an address, and the page tables' entries for it
    unsigned walk_length;
};
extern Seen seen;

// Puts everything into a state that no reset leaves, and fills `seen`.
void set_up_and_look();

// The part of `seen` that changes with interrupts, once more.
void look_at_chips();

// Called when `seen` is true of the machine.
[[gnu::noinline]] void ready();
