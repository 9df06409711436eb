// The two 8259A interrupt controllers and the 8254 timer of a PC, as values (Intel's datasheets of these names).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace ringside::x86 {

// One 8259A. Bit n of a mask is its input n.
struct Pic {
    std::uint8_t requested = 0, in_service = 0, masked = 0;  // IRR, ISR, IMR
    std::uint8_t level_triggered = 0;                        // ELCR
    std::uint8_t raised = 0;       // inputs that are high; ICW1 makes the chip forget them until they change
    std::uint8_t vector_base = 0;  // ICW2
    std::uint8_t first_input = 0;  // the one with the highest priority
    bool auto_end_of_interrupt = false, special_mask = false, special_fully_nested = false;
    bool initialising = false;  // ICW1 was written, not all of ICW2 to ICW4 were

    // Lines are latched until their interrupt is taken; an input whose bit is set and not masked requests.
    std::uint8_t waiting() const { return static_cast<std::uint8_t>(requested & ~masked); }
    // The input whose in-service interrupt blocks those of lower priority: the one with the highest priority.
    std::optional<unsigned> highest_in_service() const;
    // Position of an input in the order of priority, 0 first.
    unsigned rank(unsigned input) const { return (input - first_input) & 7; }
};

struct PicPair {
    Pic first, second;
    static constexpr unsigned kCascade = 2;  // the second one is an input of the first
    static constexpr unsigned kLines = 16;
    const Pic& of_line(unsigned line) const { return line < 8 ? first : second; }
};

enum class PitMode : std::uint8_t {
    TerminalCount,
    OneShot,
    RateGenerator,
    SquareWave,
    SoftwareStrobe,
    HardwareStrobe,
    Unknown
};
// "interrupt on terminal count", "hardware one-shot", "rate generator", "square wave", ...
std::string_view name(PitMode mode);
// Modes 6 and 7 are other encodings of 2 and 3.
PitMode pit_mode(std::uint8_t mode);

struct PitChannel {
    std::uint32_t reload = 0;  // 65536 where 0 was written
    PitMode mode = PitMode::Unknown;
    bool gate = false, bcd = false;
};

inline constexpr std::uint32_t kPitHertz = 1193182;

struct Pit {
    std::array<PitChannel, 3> channels{};
};

}  // namespace ringside::x86
