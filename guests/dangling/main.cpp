// dangling: a kernel that corrupts a pointer, and crashes by it much later.
//
// Parcels are on a belt, in which each points to the next. One label is too long: its end overwrites the pointer behind
// it. turn_front_part() uses only the first parcels, many times. Then turn_belt() follows the corrupt pointer out of
// memory. Nothing handles the fault: the CPU shuts down.
//
// The place of the crash does not show the cause. Going back in a recording does:
//
//   ringside run -m 64M --gdb --record-last 64M build/release/guests/dangling
//   gdb build/release/guests/dangling -ex 'target remote :1234'
//   (gdb) watch -location here->next
//   (gdb) reverse-continue

#include <stddef.h>
#include <stdint.h>

#include "guests/lib/boot_info.h"
#include "guests/lib/console.h"
#include "guests/lib/exit.h"

constexpr unsigned kParcels = 8;
constexpr unsigned kFrontTurns = 40;
constexpr size_t kLabel = 8;

struct Parcel {
    char label[kLabel];
    Parcel* next;
    unsigned moved;
};

static Parcel parcels[kParcels];
static Parcel* here;

// The length is not checked.
static void write_label(Parcel& parcel, const char* text) {
    for (size_t i = 0; text[i] != '\0'; ++i)
        parcel.label[i] = text[i];
}

static void load_belt() {
    for (unsigned i = 0; i < kParcels; ++i)
        parcels[i].next = &parcels[(i + 1) % kParcels];
    write_label(parcels[0], "apples");
    write_label(parcels[1], "books");
    write_label(parcels[2], "candles");
    write_label(parcels[5], "glass: handle with care");
    write_label(parcels[6], "tea");
}

static void turn_front_part() {
    for (unsigned turn = 0; turn < kFrontTurns; ++turn) {
        for (unsigned i = 0; i < kParcels / 2; ++i)
            ++parcels[i].moved;
    }
}

static void turn_belt() {
    for (here = &parcels[0]; here->next != &parcels[0]; here = here->next)
        here->next->moved = here->moved + 1;
}

extern "C" void guest_main(const guest::HvmStartInfo&) {
    guest::print("dangling: a belt of parcels\n");
    load_belt();
    turn_front_part();
    turn_belt();
    guest::print("every parcel has moved\n");
    guest::debug_exit(guest::kPassed);
}
