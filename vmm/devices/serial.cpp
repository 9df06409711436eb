#include "vmm/devices/serial.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "vmm/devices/savable.h"

namespace ringside::devices {

static_assert(Savable<Serial>);

namespace {

// Register offsets. 0 and 1 are the divisor latch while LCR bit 7 (DLAB) is set.
constexpr std::uint64_t kData = 0;             // RBR when read, THR when written
constexpr std::uint64_t kInterruptEnable = 1;  // IER
constexpr std::uint64_t kInterruptId = 2;      // IIR when read, FCR when written
constexpr std::uint64_t kLineControl = 3;      // LCR
constexpr std::uint64_t kModemControl = 4;     // MCR
constexpr std::uint64_t kLineStatus = 5;       // LSR
constexpr std::uint64_t kModemStatus = 6;      // MSR
constexpr std::uint64_t kScratch = 7;          // SCR

constexpr std::uint8_t kIerReceived = 0x01;
constexpr std::uint8_t kIerTransmitterEmpty = 0x02;
constexpr std::uint8_t kIerLineStatus = 0x04;
constexpr std::uint8_t kIerModemStatus = 0x08;
constexpr std::uint8_t kIerMask = 0x0f;

// IIR values, highest priority first (PC16550D, table IV).
constexpr std::uint8_t kIirLineStatus = 0x06;
constexpr std::uint8_t kIirReceived = 0x04;
constexpr std::uint8_t kIirTimeout = 0x0c;
constexpr std::uint8_t kIirTransmitterEmpty = 0x02;
constexpr std::uint8_t kIirModemStatus = 0x00;
constexpr std::uint8_t kIirNone = 0x01;
constexpr std::uint8_t kIirFifoEnabled = 0xc0;

constexpr std::uint8_t kFcrEnable = 0x01;
constexpr std::uint8_t kFcrClearReceiver = 0x02;
constexpr std::uint8_t kFcrKept = 0xc9;  // enable, DMA mode and trigger level; the clear bits act once

constexpr std::uint8_t kLcrDivisorLatch = 0x80;

constexpr std::uint8_t kMcrDtr = 0x01;
constexpr std::uint8_t kMcrRts = 0x02;
constexpr std::uint8_t kMcrOut1 = 0x04;
constexpr std::uint8_t kMcrOut2 = 0x08;
constexpr std::uint8_t kMcrLoopback = 0x10;
constexpr std::uint8_t kMcrMask = 0x1f;

constexpr std::uint8_t kLsrDataReady = 0x01;
constexpr std::uint8_t kLsrOverrun = 0x02;
constexpr std::uint8_t kLsrBreak = 0x10;
constexpr std::uint8_t kLsrTransmitterEmpty = 0x60;  // THRE and TEMT
constexpr std::uint8_t kLsrFifoError = 0x80;
constexpr std::uint16_t kFirstIsBreak = 1;  // of State::breaks

constexpr std::uint8_t kMsrCts = 0x10;
constexpr std::uint8_t kMsrDsr = 0x20;
constexpr std::uint8_t kMsrRing = 0x40;
constexpr std::uint8_t kMsrCarrier = 0x80;
constexpr std::uint8_t kMsrDeltaRing = 0x04;  // trailing edge only
constexpr std::uint8_t kMsrDeltaMask = 0x0f;

constexpr std::array<std::uint8_t, 4> kTriggerLevels{1, 4, 8, 14};

}  // namespace

Serial::Serial(machine::InterruptLine& interrupt, CharacterSink& output)
    : interrupt_(interrupt), output_(output) {}

bool Serial::divisor_latch_access() const {
    return (state_.lcr & kLcrDivisorLatch) != 0;
}
bool Serial::loopback() const {
    return (state_.mcr & kMcrLoopback) != 0;
}
bool Serial::fifo_enabled() const {
    return (state_.fcr & kFcrEnable) != 0;
}

std::size_t Serial::receive(std::span<const std::byte> data) {
    const std::scoped_lock lock(mutex_);
    const std::size_t room =
        loopback() ? 0 : capacity() - std::min<std::size_t>(state_.received_count, capacity());
    const std::size_t accepted = std::min(room, data.size());
    for (const std::byte value : data.first(accepted))
        push_received(std::to_integer<std::uint8_t>(value));
    input_refused_ = accepted < data.size();
    update_interrupt();
    return accepted;
}

bool Serial::receive_break() {
    const std::scoped_lock lock(mutex_);
    if (loopback() || state_.received_count >= capacity())
        return false;
    state_.breaks |= static_cast<std::uint16_t>(kFirstIsBreak << state_.received_count);
    push_received(0);
    update_interrupt();
    return true;
}

std::uint8_t Serial::read_port(std::uint64_t offset) {
    bool notify = false;
    std::uint8_t value = 0;
    {
        const std::scoped_lock lock(mutex_);
        value = read_register(offset);
        update_interrupt();
        notify = input_refused_ && can_receive() && std::exchange(input_refused_, false);
    }
    if (notify && space_available_)
        space_available_();
    return value;
}

void Serial::write_port(std::uint64_t offset, std::uint8_t value) {
    bool notify = false;
    bool transmit = false;
    {
        const std::scoped_lock lock(mutex_);
        transmit = offset == kData && !divisor_latch_access() && !loopback();
        write_register(offset, value);
        update_interrupt();
        notify = input_refused_ && can_receive() && std::exchange(input_refused_, false);
    }
    // Without the lock: a sink that blocks must not hold up receive() or another vCPU's LSR read.
    if (transmit) {
        const std::byte character{value};
        output_.write({&character, 1});
    }
    if (notify && space_available_)
        space_available_();
}

std::uint8_t Serial::read_register(std::uint64_t offset) {
    switch (offset) {
        case kData:
            return divisor_latch_access() ? static_cast<std::uint8_t>(state_.divisor) : read_receiver();
        case kInterruptEnable:
            return divisor_latch_access() ? static_cast<std::uint8_t>(state_.divisor >> 8) : state_.ier;
        case kInterruptId:
            return read_interrupt_identification();
        case kLineControl:
            return state_.lcr;
        case kModemControl:
            return state_.mcr;
        case kLineStatus:
            return read_line_status();
        case kModemStatus:
            return read_modem_status();
        case kScratch:
            return state_.scr;
        default:
            return kFloating;
    }
}

void Serial::write_register(std::uint64_t offset, std::uint8_t value) {
    switch (offset) {
        case kData:
            if (divisor_latch_access()) {
                state_.divisor = static_cast<std::uint16_t>((state_.divisor & 0xff00) | value);
                break;
            }
            if (loopback())
                push_received(value);
            state_.transmitter_interrupt = true;  // sent at once, so empty again
            break;
        case kInterruptEnable:
            if (divisor_latch_access())
                state_.divisor = static_cast<std::uint16_t>((state_.divisor & 0x00ff) | (value << 8));
            else
                write_interrupt_enable(value);
            break;
        case kInterruptId:
            write_fifo_control(value);
            break;
        case kLineControl:
            state_.lcr = value;
            break;
        case kModemControl:
            write_modem_control(value);
            break;
        case kScratch:
            state_.scr = value;
            break;
        default:  // LSR and MSR are read-only
            break;
    }
}

std::uint8_t Serial::read_receiver() {
    if (state_.received_count == 0)
        return 0;
    const std::uint8_t value = state_.received[0];
    std::copy(state_.received.begin() + 1, state_.received.begin() + state_.received_count,
              state_.received.begin());
    --state_.received_count;
    state_.breaks >>= 1;
    return value;
}

std::uint8_t Serial::read_interrupt_identification() {
    const std::uint8_t pending = pending_interrupt();
    // Reading IIR is what acknowledges the transmitter's interrupt, if that is the one it shows.
    if (pending == kIirTransmitterEmpty)
        state_.transmitter_interrupt = false;
    return static_cast<std::uint8_t>(pending | (fifo_enabled() ? kIirFifoEnabled : 0));
}

std::uint8_t Serial::read_line_status() {
    std::uint8_t status = kLsrTransmitterEmpty;
    if (state_.received_count > 0)
        status |= kLsrDataReady;
    if (std::exchange(state_.overrun, false))
        status |= kLsrOverrun;
    if (fifo_enabled() && state_.breaks != 0)
        status |= kLsrFifoError;
    // That of a character is shown when the character is the next to be read.
    if ((state_.breaks & kFirstIsBreak) != 0)
        status |= kLsrBreak;
    state_.breaks &= static_cast<std::uint16_t>(~kFirstIsBreak);
    return status;
}

std::uint8_t Serial::read_modem_status() {
    return static_cast<std::uint8_t>(modem_inputs() | std::exchange(state_.msr_delta, std::uint8_t{0}));
}

// The other end is always connected and ready. In loopback mode the outputs are wired to the inputs.
std::uint8_t Serial::modem_inputs() const {
    if (!loopback())
        return kMsrCts | kMsrDsr | kMsrCarrier;
    return static_cast<std::uint8_t>(
        ((state_.mcr & kMcrRts) ? kMsrCts : 0) | ((state_.mcr & kMcrDtr) ? kMsrDsr : 0) |
        ((state_.mcr & kMcrOut1) ? kMsrRing : 0) | ((state_.mcr & kMcrOut2) ? kMsrCarrier : 0));
}

void Serial::write_interrupt_enable(std::uint8_t value) {
    const bool was_enabled = (state_.ier & kIerTransmitterEmpty) != 0;
    state_.ier = value & kIerMask;
    // Enabling the interrupt while the transmitter is empty raises it: drivers start their output this way.
    if (!was_enabled && (state_.ier & kIerTransmitterEmpty) != 0)
        state_.transmitter_interrupt = true;
}

void Serial::write_fifo_control(std::uint8_t value) {
    const bool switched = ((value ^ state_.fcr) & kFcrEnable) != 0;
    const bool enabled = (value & kFcrEnable) != 0;
    if (switched || (enabled && (value & kFcrClearReceiver) != 0))
        state_.received_count = 0, state_.breaks = 0;
    state_.fcr = enabled ? value & kFcrKept : 0;  // the other bits mean nothing without bit 0
}

void Serial::write_modem_control(std::uint8_t value) {
    const std::uint8_t before = modem_inputs();
    state_.mcr = value & kMcrMask;
    const std::uint8_t after = modem_inputs();
    auto delta = static_cast<std::uint8_t>((before ^ after) >> 4);
    if ((after & kMsrRing) != 0)
        delta &= static_cast<std::uint8_t>(~kMsrDeltaRing);
    state_.msr_delta |= delta;
}

void Serial::push_received(std::uint8_t value) {
    if (state_.received_count >= capacity()) {
        state_.overrun = true;
        return;
    }
    state_.received[state_.received_count++] = value;
}

std::uint8_t Serial::pending_interrupt() const {
    const bool error = state_.overrun || (state_.breaks & kFirstIsBreak) != 0;
    if ((state_.ier & kIerLineStatus) != 0 && error)
        return kIirLineStatus;
    if ((state_.ier & kIerReceived) != 0 && state_.received_count > 0) {
        const std::size_t trigger = fifo_enabled() ? kTriggerLevels[state_.fcr >> 6] : 1;
        return state_.received_count >= trigger ? kIirReceived : kIirTimeout;
    }
    if ((state_.ier & kIerTransmitterEmpty) != 0 && state_.transmitter_interrupt)
        return kIirTransmitterEmpty;
    if ((state_.ier & kIerModemStatus) != 0 && state_.msr_delta != 0)
        return kIirModemStatus;
    return kIirNone;
}

// On a PC, OUT2 gates the line to the interrupt controller. It is not consulted here: emulators generally let
// interrupts through, and kernels written on them forget to set it.
void Serial::update_interrupt() {
    const bool level = pending_interrupt() != kIirNone;
    if (level != line_level_) {
        line_level_ = level;
        interrupt_.set(level);
    }
}

Serial::State Serial::save() const {
    const std::scoped_lock lock(mutex_);
    return state_;
}

void Serial::restore(const State& state) {
    const std::scoped_lock lock(mutex_);
    state_ = state;
    state_.ier &= kIerMask;
    state_.fcr &= kFcrKept;
    state_.mcr &= kMcrMask;
    state_.msr_delta &= kMsrDeltaMask;
    state_.received_count = std::min(state_.received_count, static_cast<std::uint16_t>(capacity()));
    state_.breaks &= static_cast<std::uint16_t>((1U << state_.received_count) - 1);
    line_level_ = pending_interrupt() != kIirNone;
    interrupt_.set(line_level_);
}

}  // namespace ringside::devices
