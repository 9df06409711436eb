#include "guests/lib/timer.h"

#include "guests/lib/interrupts.h"
#include "guests/lib/ports.h"

namespace guest {

volatile unsigned long ticks;

namespace {

constexpr uint16_t kPicCommand = 0x20;
constexpr uint16_t kPicData = 0x21;
constexpr uint16_t kSecondPicCommand = 0xa0;
constexpr uint16_t kSecondPicData = 0xa1;
constexpr uint16_t kPicTriggers = 0x4d0;  // a bit for each line: edge or level
constexpr uint16_t kSecondPicTriggers = 0x4d1;
constexpr uint8_t kPicInitialise = 0x11;  // ICW1: edge triggered, cascaded, ICW4 follows
constexpr uint8_t kPic8086Mode = 0x01;
constexpr uint8_t kPicEndOfInterrupt = 0x20;
constexpr uint8_t kPicReadRequests = 0x0a;
constexpr uint8_t kTimerLine = 0;
constexpr uint8_t kCascadeLine = 2;

constexpr uint16_t kTimerChannel0 = 0x40;
constexpr uint16_t kTimerCommand = 0x43;
constexpr uint8_t kTimerRateGenerator = 0x34;  // channel 0, low byte then high byte, mode 2
constexpr unsigned kTimerHertz = 1193182;

void (*tick_callback)();

void initialise_pic() {
    out8(kPicCommand, kPicInitialise);
    out8(kPicData, kVectorFirstIrq);
    out8(kPicData, 1u << kCascadeLine);
    out8(kPicData, kPic8086Mode);
    out8(kSecondPicCommand, kPicInitialise);
    out8(kSecondPicData, kVectorFirstIrq + 8);
    out8(kSecondPicData, kCascadeLine);
    out8(kSecondPicData, kPic8086Mode);
    out8(kPicData, static_cast<uint8_t>(~(1u << kTimerLine)));
    out8(kSecondPicData, 0xff);
}

void on_timer_interrupt(InterruptFrame&) {
    ticks = ticks + 1;
    end_of_interrupt(kTimerLine);
    if (tick_callback != nullptr)
        tick_callback();
}

}  // namespace

void open_line(unsigned line, bool level_triggered) {
    const uint16_t triggers = line < 8 ? kPicTriggers : kSecondPicTriggers;
    const uint16_t masks = line < 8 ? kPicData : kSecondPicData;
    const auto bit = static_cast<uint8_t>(1u << line % 8);
    if (level_triggered)
        out8(triggers, in8(triggers) | bit);
    out8(masks, in8(masks) & static_cast<uint8_t>(~bit));
    if (line >= 8)
        out8(kPicData, in8(kPicData) & static_cast<uint8_t>(~(1u << kCascadeLine)));
}

void end_of_interrupt(unsigned line) {
    if (line >= 8)
        out8(kSecondPicCommand, kPicEndOfInterrupt);
    out8(kPicCommand, kPicEndOfInterrupt);
}

void mask_interrupts() {
    out8(kPicData, 0xff);
    out8(kSecondPicData, 0xff);
}

void start_timer(unsigned hertz, void (*on_tick)()) {
    tick_callback = on_tick;
    set_handler(kVectorFirstIrq + kTimerLine, on_timer_interrupt);
    initialise_pic();
    const unsigned divisor = kTimerHertz / hertz;
    out8(kTimerCommand, kTimerRateGenerator);
    out8(kTimerChannel0, static_cast<uint8_t>(divisor));
    out8(kTimerChannel0, static_cast<uint8_t>(divisor >> 8));
}

bool timer_pending() {
    out8(kPicCommand, kPicReadRequests);
    return (in8(kPicCommand) & 1u << kTimerLine) != 0;
}

}  // namespace guest
