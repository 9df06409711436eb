// Exits by address: ports, memory-mapped I/O, and memory that the host has not provided yet.

#include <stdint.h>

#include "guests/exits/counts.h"
#include "guests/exits/kinds.h"
#include "guests/lib/ports.h"

using namespace guests::exits;

namespace {

template <typename T>
[[gnu::always_inline]] inline void write_mmio(unsigned offset, T value) {
    *reinterpret_cast<volatile T*>(kMmioBase + offset) = value;
}

template <typename T>
[[gnu::always_inline]] inline void read_mmio(unsigned offset) {
    static_cast<void>(*reinterpret_cast<volatile T*>(kMmioBase + offset));
}

uintptr_t next_fresh_page = kFreshBase;

}  // namespace

void provoke_out8(unsigned times) {
    for (unsigned i = 0; i < times; ++i)
        guest::out8(kPort8, 0x11);
}

void provoke_out16(unsigned times) {
    for (unsigned i = 0; i < times; ++i)
        guest::out16(kPort16, 0x2222);
}

void provoke_out32(unsigned times) {
    for (unsigned i = 0; i < times; ++i)
        guest::out32(kPort32, 0x44444444);
}

void provoke_in8(unsigned times) {
    for (unsigned i = 0; i < times; ++i)
        guest::in8(kPort8);
}

void provoke_in16(unsigned times) {
    for (unsigned i = 0; i < times; ++i)
        guest::in16(kPort16);
}

void provoke_in32(unsigned times) {
    for (unsigned i = 0; i < times; ++i)
        guest::in32(kPort32);
}

void provoke_rep_outs(unsigned times) {
    static const char text[kRepOutsBytes + 1] = "sixteen bytes...";
    for (unsigned i = 0; i < times; ++i) {
        const char* from = text;
        unsigned long count = kRepOutsBytes;
        asm volatile("rep outsb" : "+S"(from), "+c"(count) : "d"(kPortString) : "memory");
    }
}

void provoke_mmio_write8(unsigned times) {
    for (unsigned i = 0; i < times; ++i)
        write_mmio<uint8_t>(0x00, 0x11);
}

void provoke_mmio_write16(unsigned times) {
    for (unsigned i = 0; i < times; ++i)
        write_mmio<uint16_t>(0x10, 0x2222);
}

void provoke_mmio_write32(unsigned times) {
    for (unsigned i = 0; i < times; ++i)
        write_mmio<uint32_t>(0x20, 0x44444444);
}

void provoke_mmio_write64(unsigned times) {
    for (unsigned i = 0; i < times; ++i)
        write_mmio<uint64_t>(0x30, 0x8888888888888888);
}

void provoke_mmio_read8(unsigned times) {
    for (unsigned i = 0; i < times; ++i)
        read_mmio<uint8_t>(0x40);
}

void provoke_mmio_read16(unsigned times) {
    for (unsigned i = 0; i < times; ++i)
        read_mmio<uint16_t>(0x50);
}

void provoke_mmio_read32(unsigned times) {
    for (unsigned i = 0; i < times; ++i)
        read_mmio<uint32_t>(0x60);
}

void provoke_mmio_read64(unsigned times) {
    for (unsigned i = 0; i < times; ++i)
        read_mmio<uint64_t>(0x70);
}

void provoke_fresh_pages(unsigned times) {
    for (unsigned i = 0; i < times; ++i) {
        *reinterpret_cast<volatile uint8_t*>(next_fresh_page) = 1;
        next_fresh_page += 4096;
    }
}
