// virtio: drivers for an entropy device, a disk and a console's input.
//
// It looks for the devices where Ringside puts them, draws random bytes, and on the disk adds one to the
// number in sector 1, reads it back and flushes. So the number counts the runs, and a run that is killed
// after "flushed" counts too. Then it waits until something is typed at the console.
//
// To run:  ringside run --rng --disk disk.img --virtio-console pty virtio
// To see:  break virtio::Driver::notify, p *this, p descriptors_[0]@3; then `finish`, and see used_.index
//          move; `monitor exits mmio` counts the accesses by device
//
// Command line (PVH):
//   end=spin   stay after the work is done, to be killed
// It leaves through the debug-exit port with 0x10, or 0x11 when something is not as it should be.

#include "guests/lib/boot_info.h"
#include "guests/lib/command_line.h"
#include "guests/lib/console.h"
#include "guests/lib/exit.h"
#include "guests/virtio/driver.h"

using virtio::Buffer;

constexpr unsigned kSector = 512;
constexpr unsigned kRandomBytes = 32;

constexpr uint32_t kRead = 0;
constexpr uint32_t kWrite = 1;
constexpr uint32_t kFlush = 4;
constexpr uint8_t kOk = 0;

static virtio::Driver entropy, disk, console;
static uint8_t random_bytes[kRandomBytes];
static char typed[64];
alignas(8) static uint8_t sector[kSector];
static volatile uint8_t status;

// Returns the status; 0 is success.
static uint8_t transfer(uint32_t type, uint64_t number) {
    virtio::BlockHeader header{type, 0, number};
    Buffer buffers[3] = {{&header, sizeof header, false}};
    unsigned count = 1;
    if (type != kFlush)
        buffers[count++] = {sector, kSector, type == kRead};
    buffers[count++] = {const_cast<uint8_t*>(&status), 1, true};
    status = 0xff;
    disk.request(buffers, count);
    return status;
}

static bool draw_random_bytes() {
    if (!entropy.find(virtio::DeviceType::Entropy)) {
        guest::print("no entropy device\n");
        return true;
    }
    const Buffer buffer{random_bytes, kRandomBytes, true};
    if (!entropy.initialise() || entropy.request(&buffer, 1) != kRandomBytes)
        return false;
    unsigned sum = 0;
    for (const uint8_t byte : random_bytes)
        sum += byte;
    guest::print("entropy: ", kRandomBytes, " bytes, sum ", sum, "\n");
    return sum != 0;
}

static bool count_run() {
    if (!disk.find(virtio::DeviceType::Block)) {
        guest::print("no disk\n");
        return true;
    }
    if (!disk.initialise())
        return false;
    guest::print("disk: ", disk.config(0), " sectors\n");
    if (transfer(kRead, 1) != kOk)
        return false;
    auto& runs = *reinterpret_cast<volatile uint32_t*>(sector);
    const uint32_t now = runs + 1;
    runs = now;
    if (transfer(kWrite, 1) != kOk) {
        guest::print("disk: not writable\n");
        return true;
    }
    runs = 0;
    if (transfer(kRead, 1) != kOk || runs != now)
        return false;
    guest::print("disk: run ", now, "\n");
    if (transfer(kFlush, 0) != kOk)
        return false;
    guest::print("disk: flushed\n");
    return transfer(kRead, disk.config(0)) != kOk;  // past the end
}

// The console's first queue is the one for input.
static bool wait_for_input() {
    if (!console.find(virtio::DeviceType::Console)) {
        guest::print("no console\n");
        return true;
    }
    if (!console.initialise())
        return false;
    guest::print("console: waiting\n");
    const Buffer buffer{typed, sizeof typed - 1, true};
    const uint32_t length = console.request(&buffer, 1);
    typed[length] = 0;
    guest::print("console: ", static_cast<const char*>(typed), "\n");
    return length != 0;
}

extern "C" void guest_main(const guest::HvmStartInfo& info) {
    const guest::CommandLine options(guest::command_line_of(info));
    guest::print("virtio: drivers for entropy, a disk and a console\n");
    const bool good = draw_random_bytes() && count_run() && wait_for_input();
    guest::print(good ? "done\n" : "failed\n");
    if (options.has("end", "spin"))
        guest::spin_forever();
    guest::debug_exit(good ? guest::kPassed : guest::kFailed);
}
