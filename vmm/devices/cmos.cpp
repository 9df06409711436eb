#include "vmm/devices/cmos.h"

#include <algorithm>
#include <utility>

#include "vmm/devices/savable.h"

namespace ringside::devices {

static_assert(Savable<Cmos>);

namespace {

constexpr std::uint64_t kIndexPort = 0;
constexpr std::uint64_t kDataPort = 1;
constexpr std::uint8_t kIndexMask = 0x7f;  // bit 7 of port 0x70 masks NMIs, which never come

// Clock registers (MC146818 data sheet, and the century byte that ACPI's FADT names).
constexpr std::uint8_t kSeconds = 0x00;
constexpr std::uint8_t kMinutes = 0x02;
constexpr std::uint8_t kHours = 0x04;
constexpr std::uint8_t kDayOfWeek = 0x06;
constexpr std::uint8_t kDay = 0x07;
constexpr std::uint8_t kMonth = 0x08;
constexpr std::uint8_t kYear = 0x09;
constexpr std::uint8_t kRegisterA = 0x0a;
constexpr std::uint8_t kRegisterB = 0x0b;
constexpr std::uint8_t kRegisterC = 0x0c;
constexpr std::uint8_t kRegisterD = 0x0d;
constexpr std::uint8_t kCentury = 0x32;

constexpr std::uint8_t kUpdateInProgress = 0x80;  // register A
constexpr std::uint8_t kDivider32kHz = 0x26;      // register A: 32,768 Hz crystal, 1,024 Hz rate
constexpr std::uint8_t kHoldUpdates = 0x80;       // register B, "SET": the guest writes a new time
constexpr std::uint8_t kBinary = 0x04;            // register B
constexpr std::uint8_t k24Hours = 0x02;           // register B
constexpr std::uint8_t kValidRam = 0x80;          // register D
constexpr std::uint8_t kAfternoon = 0x80;         // hours, in 12-hour mode

// Memory sizes, little-endian.
constexpr std::uint8_t kBaseMemory = 0x15;          // KiB
constexpr std::uint8_t kExtendedMemory = 0x17;      // KiB above 1 MiB
constexpr std::uint8_t kExtendedMemoryCopy = 0x30;  // the same, as the POST found it
constexpr std::uint8_t kMemoryAbove16Mib = 0x34;    // units of 64 KiB
constexpr std::uint8_t kMemoryAbove4Gib = 0x5b;     // units of 64 KiB, 3 bytes
constexpr std::uint8_t kOtherCpus = 0x5f;           // CPUs less one: SeaBIOS waits for that many

constexpr std::uint64_t kKiB = 1024;
constexpr std::uint64_t kMiB = 1024 * kKiB;
constexpr std::uint64_t kBaseMemoryKiB = 639;  // up to the EBDA

// The chip announces an update 244 microseconds ahead.
constexpr auto kUpdateWarning = std::chrono::microseconds(244);

bool is_time(std::uint8_t index) {
    return index == kSeconds || index == kMinutes || index == kHours ||
           (index >= kDayOfWeek && index <= kYear) || index == kCentury;
}

}  // namespace

Cmos::Cmos(const Machine& machine, Clock clock) : clock_(std::move(clock)) {
    const auto put = [this](std::uint8_t index, std::size_t size, std::uint64_t value) {
        value = std::min(value, (std::uint64_t{1} << (8 * size)) - 1);
        for (std::size_t i = 0; i < size; ++i)
            state_.bytes[index + i] = static_cast<std::uint8_t>(value >> (8 * i));
    };
    const auto above = [](std::uint64_t ram, std::uint64_t floor) { return ram > floor ? ram - floor : 0; };

    put(kRegisterA, 1, kDivider32kHz);
    put(kRegisterB, 1, k24Hours);
    put(kRegisterD, 1, kValidRam);
    put(kBaseMemory, 2, std::min(machine.ram_below_4g / kKiB, kBaseMemoryKiB));
    put(kExtendedMemory, 2, above(machine.ram_below_4g, kMiB) / kKiB);
    put(kExtendedMemoryCopy, 2, above(machine.ram_below_4g, kMiB) / kKiB);
    put(kMemoryAbove16Mib, 2, above(machine.ram_below_4g, 16 * kMiB) / (64 * kKiB));
    put(kMemoryAbove4Gib, 3, machine.ram_above_4g / (64 * kKiB));
    put(kOtherCpus, 1, machine.cpus > 0 ? machine.cpus - 1 : 0);
}

std::uint8_t Cmos::read_port(std::uint64_t offset) {
    const std::scoped_lock lock(mutex_);
    return offset == kDataPort ? read_register() : kFloating;  // port 0x70 is write-only
}

void Cmos::write_port(std::uint64_t offset, std::uint8_t value) {
    const std::scoped_lock lock(mutex_);
    if (offset == kIndexPort)
        state_.index = value & kIndexMask;
    else if (offset == kDataPort)
        write_register(value);
}

bool Cmos::has_mode(std::uint8_t bit) const {
    return (state_.bytes[kRegisterB] & bit) != 0;
}

std::chrono::sys_seconds Cmos::now() const {
    return std::chrono::floor<std::chrono::seconds>(clock_()) + std::chrono::seconds(state_.offset_seconds);
}

bool Cmos::update_in_progress() const {
    const auto time = clock_();
    const auto next = std::chrono::floor<std::chrono::seconds>(time) + std::chrono::seconds(1);
    return !has_mode(kHoldUpdates) && next - time <= kUpdateWarning;
}

std::uint8_t Cmos::read_register() {
    if (is_time(state_.index) && !has_mode(kHoldUpdates))
        show(now());
    const std::uint8_t value = state_.bytes[state_.index];
    return state_.index == kRegisterA && update_in_progress() ? value | kUpdateInProgress : value;
}

void Cmos::write_register(std::uint8_t value) {
    const bool held = has_mode(kHoldUpdates);
    switch (state_.index) {
        case kRegisterA:
            state_.bytes[kRegisterA] = value & static_cast<std::uint8_t>(~kUpdateInProgress);
            return;
        case kRegisterB:
            if (!held && (value & kHoldUpdates) != 0)
                show(now());
            // The time that was written is read in the format in which it was written.
            if (held && (value & kHoldUpdates) == 0)
                adopt_time();
            state_.bytes[kRegisterB] = value;
            return;
        case kRegisterC:
        case kRegisterD:
            return;  // read-only
        default:
            break;
    }
    if (!is_time(state_.index)) {
        state_.bytes[state_.index] = value;
        return;
    }
    if (!held)
        show(now());
    state_.bytes[state_.index] = value;
    if (!held)
        adopt_time();
}

void Cmos::show(std::chrono::sys_seconds time) {
    const auto day = std::chrono::floor<std::chrono::days>(time);
    const std::chrono::year_month_day date(day);
    const std::chrono::hh_mm_ss clock(time - day);
    const auto year = static_cast<unsigned>(static_cast<int>(date.year()));
    auto& bytes = state_.bytes;
    bytes[kSeconds] = encode(static_cast<unsigned>(clock.seconds().count()));
    bytes[kMinutes] = encode(static_cast<unsigned>(clock.minutes().count()));
    bytes[kHours] = encode_hour(static_cast<unsigned>(clock.hours().count()));
    bytes[kDayOfWeek] = encode(std::chrono::weekday(day).c_encoding() + 1);  // Sunday is 1
    bytes[kDay] = encode(static_cast<unsigned>(date.day()));
    bytes[kMonth] = encode(static_cast<unsigned>(date.month()));
    bytes[kYear] = encode(year % 100);
    bytes[kCentury] = encode(year / 100);
}

void Cmos::adopt_time() {
    const auto& bytes = state_.bytes;
    const unsigned year = decode(bytes[kCentury]) * 100 + decode(bytes[kYear]);
    const std::chrono::year_month_day date(std::chrono::year(static_cast<int>(year)),
                                           std::chrono::month(decode(bytes[kMonth])),
                                           std::chrono::day(decode(bytes[kDay])));
    const unsigned hour = decode_hour(bytes[kHours]);
    if (!date.ok() || hour > 23)
        return;  // not a valid time: the clock is not changed
    const std::chrono::sys_seconds time = std::chrono::sys_days(date) + std::chrono::hours(hour) +
                                          std::chrono::minutes(decode(bytes[kMinutes])) +
                                          std::chrono::seconds(decode(bytes[kSeconds]));
    state_.offset_seconds += (time - now()).count();
}

std::uint8_t Cmos::encode(unsigned value) const {
    return static_cast<std::uint8_t>(has_mode(kBinary) ? value : value / 10 * 16 + value % 10);
}

unsigned Cmos::decode(std::uint8_t value) const {
    return has_mode(kBinary) ? value : (value >> 4) * 10U + (value & 0x0fU);
}

std::uint8_t Cmos::encode_hour(unsigned hour) const {
    if (has_mode(k24Hours))
        return encode(hour);
    const unsigned shown = hour % 12 == 0 ? 12 : hour % 12;
    return static_cast<std::uint8_t>(encode(shown) | (hour >= 12 ? kAfternoon : 0));
}

unsigned Cmos::decode_hour(std::uint8_t value) const {
    if (has_mode(k24Hours))
        return decode(value);
    const unsigned shown = decode(value & static_cast<std::uint8_t>(~kAfternoon));
    return shown % 12 + ((value & kAfternoon) != 0 ? 12 : 0);
}

Cmos::State Cmos::save() const {
    const std::scoped_lock lock(mutex_);
    return state_;
}

void Cmos::restore(const State& state) {
    // Some 3,000 years either way: far beyond any use, and no calendar overflow.
    constexpr std::int64_t kFarOff = 100'000'000'000;
    const std::scoped_lock lock(mutex_);
    state_ = state;
    state_.index &= kIndexMask;
    state_.offset_seconds = std::clamp(state.offset_seconds, -kFarOff, kFarOff);
}

}  // namespace ringside::devices
