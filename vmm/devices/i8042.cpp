#include "vmm/devices/i8042.h"

#include <algorithm>

#include "vmm/devices/savable.h"

namespace ringside::devices {

static_assert(Savable<I8042>);

namespace {

constexpr std::uint64_t kDataOffset = 0;     // port 0x60
constexpr std::uint64_t kCommandOffset = 4;  // port 0x64

enum class Command : std::uint8_t {
    ReadConfig = 0x20,
    WriteConfig = 0x60,
    DisableMouse = 0xa7,
    EnableMouse = 0xa8,
    TestMouse = 0xa9,
    SelfTest = 0xaa,
    TestKeyboard = 0xab,
    DisableKeyboard = 0xad,
    EnableKeyboard = 0xae,
    ReadInputPort = 0xc0,
    ReadOutputPort = 0xd0,
    WriteOutputPort = 0xd1,
    WriteKeyboardBuffer = 0xd2,
    WriteMouseBuffer = 0xd3,
    WriteMouse = 0xd4,
    CloseA20 = 0xdd,
    OpenA20 = 0xdf,
};
constexpr std::uint8_t kPulseOutputPort = 0xf0;  // 0xf0-0xff: low nibble, lines that are not pulsed

constexpr std::uint8_t kStatusOutputFull = 0x01;
constexpr std::uint8_t kStatusSystemFlag = 0x04;
constexpr std::uint8_t kStatusCommand = 0x08;
constexpr std::uint8_t kStatusNotInhibited = 0x10;

constexpr std::uint8_t kConfigKeyboardInterrupt = 0x01;
constexpr std::uint8_t kConfigKeyboardOff = 0x10;
constexpr std::uint8_t kConfigMouseOff = 0x20;

constexpr std::uint8_t kOutputPortNoReset = 0x01;
constexpr std::uint8_t kOutputPortA20 = 0x02;
constexpr std::uint8_t kOutputPortFull = 0x10;
constexpr std::uint8_t kOutputPortIdle = 0xcc;  // keyboard clock and data high, unused lines high

constexpr std::uint8_t kInputPortUnlocked = 0x80;
constexpr std::uint8_t kSelfTestPassed = 0x55;
constexpr std::uint8_t kLineGood = 0x00;
constexpr std::uint8_t kClockStuckLow = 0x01;  // what a test of an empty mouse socket finds

enum class KeyboardCommand : std::uint8_t {
    SetLeds = 0xed,
    Echo = 0xee,
    ScanCodeSet = 0xf0,
    Identify = 0xf2,
    SetRate = 0xf3,
    Reset = 0xff,
};
constexpr std::uint8_t kAcknowledge = 0xfa;
constexpr std::uint8_t kKeyboardTestPassed = 0xaa;
constexpr std::uint8_t kScanCodeSet2 = 0x02;

}  // namespace

I8042::I8042(machine::MachineControl& machine, machine::InterruptLine& interrupt)
    : machine_(machine), interrupt_(interrupt) {}

std::uint8_t I8042::read_port(std::uint64_t offset) {
    const std::scoped_lock lock(mutex_);
    if (offset == kDataOffset)
        return read_data();
    return offset == kCommandOffset ? status() : kFloating;
}

void I8042::write_port(std::uint64_t offset, std::uint8_t value) {
    bool reset = false;
    {
        const std::scoped_lock lock(mutex_);
        if (offset == kDataOffset)
            reset = write_data(value);
        else if (offset == kCommandOffset)
            reset = write_command(value);
    }
    if (reset)
        machine_.request_reset("i8042");
}

std::uint8_t I8042::status() const {
    std::uint8_t value = kStatusSystemFlag | kStatusNotInhibited;
    if (state_.output_count > 0)
        value |= kStatusOutputFull;
    if (state_.last_write_was_command)
        value |= kStatusCommand;
    return value;
}

std::uint8_t I8042::read_data() {
    const std::uint8_t value = state_.output[0];  // an empty buffer reads as its last byte
    if (state_.output_count > 1)
        std::copy(state_.output.begin() + 1, state_.output.end(), state_.output.begin());
    if (state_.output_count > 0)
        --state_.output_count;
    // The line falls with every byte read, so that each byte of a reply is a separate edge.
    if (line_level_) {
        line_level_ = false;
        interrupt_.set(false);
    }
    update_interrupt();
    return value;
}

bool I8042::write_command(std::uint8_t command) {
    state_.last_write_was_command = true;
    state_.pending_command = 0;
    if (command >= kPulseOutputPort)
        return (command & kOutputPortNoReset) == 0;  // line 0 is the CPU's reset

    switch (static_cast<Command>(command)) {
        case Command::ReadConfig:
            answer(false, {state_.config});
            break;
        case Command::DisableMouse:
            state_.config |= kConfigMouseOff;
            break;
        case Command::EnableMouse:
            state_.config &= static_cast<std::uint8_t>(~kConfigMouseOff);
            break;
        case Command::TestMouse:
            answer(false, {kClockStuckLow});
            break;
        case Command::SelfTest:
            answer(false, {kSelfTestPassed});
            break;
        case Command::TestKeyboard:
            answer(false, {kLineGood});
            break;
        case Command::DisableKeyboard:
            state_.config |= kConfigKeyboardOff;
            break;
        case Command::EnableKeyboard:
            state_.config &= static_cast<std::uint8_t>(~kConfigKeyboardOff);
            break;
        case Command::ReadInputPort:
            answer(false, {kInputPortUnlocked});
            break;
        case Command::ReadOutputPort:
            answer(false, {static_cast<std::uint8_t>(kOutputPortIdle | kOutputPortNoReset |
                                                     (state_.a20 ? kOutputPortA20 : 0) |
                                                     (state_.output_count > 0 ? kOutputPortFull : 0))});
            break;
        case Command::CloseA20:
        case Command::OpenA20:
            state_.a20 = command == static_cast<std::uint8_t>(Command::OpenA20);
            break;
        case Command::WriteConfig:
        case Command::WriteOutputPort:
        case Command::WriteKeyboardBuffer:
        case Command::WriteMouseBuffer:
        case Command::WriteMouse:
            state_.pending_command = command;
            break;
    }
    return false;
}

bool I8042::write_data(std::uint8_t value) {
    state_.last_write_was_command = false;
    const std::uint8_t command = state_.pending_command;
    state_.pending_command = 0;
    if (command == 0) {
        write_keyboard(value);
        return false;
    }
    switch (static_cast<Command>(command)) {
        case Command::WriteConfig:
            state_.config = value;
            update_interrupt();
            break;
        case Command::WriteOutputPort:
            return write_output_port(value);
        case Command::WriteKeyboardBuffer:
            answer(true, {value});
            break;
        case Command::WriteMouseBuffer:
            // Returned without the mouse's status bit, so that a probe sees at once that there is no mouse
            // port.
            answer(false, {value});
            break;
        default:  // WriteMouse: there is no mouse to answer
            break;
    }
    return false;
}

bool I8042::write_output_port(std::uint8_t value) {
    state_.a20 = (value & kOutputPortA20) != 0;
    return (value & kOutputPortNoReset) == 0;
}

void I8042::write_keyboard(std::uint8_t value) {
    const std::uint8_t command = state_.keyboard_command;
    state_.keyboard_command = 0;
    if (command != 0) {  // the argument of the command before
        if (command == static_cast<std::uint8_t>(KeyboardCommand::ScanCodeSet) && value == 0)
            answer(true, {kAcknowledge, kScanCodeSet2});
        else
            answer(true, {kAcknowledge});
        return;
    }
    switch (static_cast<KeyboardCommand>(value)) {
        case KeyboardCommand::SetLeds:
        case KeyboardCommand::ScanCodeSet:
        case KeyboardCommand::SetRate:
            state_.keyboard_command = value;
            answer(true, {kAcknowledge});
            break;
        case KeyboardCommand::Echo:
            answer(true, {value});
            break;
        case KeyboardCommand::Identify:
            answer(true, {kAcknowledge, 0xab, 0x83});  // a PS/2 keyboard with 101 or 102 keys
            break;
        case KeyboardCommand::Reset:
            answer(true, {kAcknowledge, kKeyboardTestPassed});
            break;
        default:
            answer(true, {kAcknowledge});
            break;
    }
}

// A new answer replaces one that was not fetched, as in the controller's single output buffer.
void I8042::answer(bool from_keyboard, std::initializer_list<std::uint8_t> bytes) {
    std::copy(bytes.begin(), bytes.end(), state_.output.begin());
    state_.output_count = static_cast<std::uint8_t>(bytes.size());
    state_.from_keyboard = from_keyboard;
    update_interrupt();
}

void I8042::update_interrupt() {
    const bool level =
        state_.output_count > 0 && state_.from_keyboard && (state_.config & kConfigKeyboardInterrupt) != 0;
    if (level != line_level_) {
        line_level_ = level;
        interrupt_.set(level);
    }
}

I8042::State I8042::save() const {
    const std::scoped_lock lock(mutex_);
    return state_;
}

void I8042::restore(const State& state) {
    const std::scoped_lock lock(mutex_);
    state_ = state;
    state_.output_count =
        std::min<std::uint8_t>(state.output_count, static_cast<std::uint8_t>(state.output.size()));
    line_level_ = false;
    interrupt_.set(false);
    update_interrupt();
}

}  // namespace ringside::devices
