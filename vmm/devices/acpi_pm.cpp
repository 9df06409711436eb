#include "vmm/devices/acpi_pm.h"

#include <utility>

#include "vmm/devices/savable.h"

namespace ringside::devices {

static_assert(Savable<AcpiPm>);

namespace {

constexpr std::uint64_t kStatus = AcpiPm::kEventBlock;
constexpr std::uint64_t kEnable = kStatus + 2;
constexpr std::uint64_t kControl = AcpiPm::kControlBlock;
constexpr std::uint64_t kControlEnd = kControl + 2;
constexpr std::uint64_t kTimerEnd = AcpiPm::kTimer + 4;

constexpr std::uint16_t kPowerButton = 1U << 8;  // in PM1a_STS and PM1a_EN
constexpr std::uint16_t kSciEnable = 1U << 0;
constexpr unsigned kSleepEnable = 1U << 13;  // write-only
constexpr unsigned kSleepTypeShift = 10;
constexpr std::uint16_t kSleepTypeMask = 7;

constexpr std::uint8_t byte_of(std::uint64_t value, std::uint64_t index) {
    return static_cast<std::uint8_t>(value >> (8 * index));
}

std::uint16_t with_byte(std::uint16_t value, std::uint64_t index, std::byte replacement) {
    const auto shift = static_cast<unsigned>(8 * index);
    const unsigned kept = value & ~(0xffU << shift);
    return static_cast<std::uint16_t>(kept | (std::to_integer<unsigned>(replacement) << shift));
}

}  // namespace

AcpiPm::AcpiPm(machine::MachineControl& machine, machine::InterruptLine& sci, Clock clock)
    : machine_(machine), sci_(sci), clock_(std::move(clock)), timer_origin_(ticks()) {}

AcpiPm::Clock AcpiPm::steady_clock() {
    return [] { return std::chrono::nanoseconds(std::chrono::steady_clock::now().time_since_epoch()); };
}

std::uint64_t AcpiPm::ticks() const {
    // Seconds and the rest apart: nanoseconds times the frequency would overflow after 1.4 hours.
    constexpr std::uint64_t kNanoseconds = 1'000'000'000;
    const auto now = static_cast<std::uint64_t>(clock_().count());
    return now / kNanoseconds * kTimerHz + now % kNanoseconds * kTimerHz / kNanoseconds;
}

std::uint8_t AcpiPm::read_byte(std::uint64_t offset) const {
    if (offset < kEnable)
        return byte_of(status_, offset - kStatus);
    if (offset < kControl)
        return byte_of(enable_, offset - kEnable);
    if (offset < kControlEnd)
        return byte_of(control_, offset - kControl);
    return 0xff;
}

void AcpiPm::read(std::uint64_t offset, std::span<std::byte> data) {
    const std::scoped_lock lock(mutex_);
    const std::uint32_t timer_now = timer();  // once, so that its bytes belong together
    for (std::byte& value : data) {
        if (offset >= kTimer && offset < kTimerEnd)
            value = std::byte{byte_of(timer_now, offset - kTimer)};
        else
            value = std::byte{read_byte(offset)};
        ++offset;
    }
}

void AcpiPm::write(std::uint64_t offset, std::span<const std::byte> data) {
    bool power_off = false;
    {
        const std::scoped_lock lock(mutex_);
        std::uint16_t control = control_;
        for (const std::byte value : data) {
            if (offset < kEnable)  // a bit that is written as 1 is cleared
                status_ &= static_cast<std::uint16_t>(~with_byte(0, offset - kStatus, value));
            else if (offset < kControl)
                enable_ = with_byte(enable_, offset - kEnable, value);
            else if (offset < kControlEnd)
                control = with_byte(control, offset - kControl, value);
            ++offset;
        }
        const bool sleep = (control & kSleepEnable) != 0;
        power_off = sleep && ((control >> kSleepTypeShift) & kSleepTypeMask) == kSleepTypeS5;
        control_ = static_cast<std::uint16_t>((control & ~kSleepEnable) | kSciEnable);
        update_interrupt();
    }
    if (power_off)
        machine_.request_power_off("ACPI S5");
}

bool AcpiPm::press_power_button() {
    const std::scoped_lock lock(mutex_);
    status_ |= kPowerButton;
    update_interrupt();
    return (enable_ & kPowerButton) != 0;
}

void AcpiPm::update_interrupt() {
    const bool level = (status_ & enable_) != 0;
    if (level != line_level_) {
        line_level_ = level;
        sci_.set(level);
    }
}

AcpiPm::State AcpiPm::save() const {
    const std::scoped_lock lock(mutex_);
    return {status_, enable_, control_, timer()};
}

void AcpiPm::restore(const State& state) {
    const std::scoped_lock lock(mutex_);
    status_ = state.status & kPowerButton;
    enable_ = state.enable;
    control_ = static_cast<std::uint16_t>((state.control & ~kSleepEnable) | kSciEnable);
    timer_origin_ = ticks() - state.timer;
    line_level_ = false;
    sci_.set(false);
    update_interrupt();
}

}  // namespace ringside::devices
