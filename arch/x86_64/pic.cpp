#include "arch/x86_64/pic.h"

namespace ringside::x86 {

std::optional<unsigned> Pic::highest_in_service() const {
    for (unsigned position = 0; position < 8; ++position) {
        const unsigned input = (first_input + position) & 7;
        if ((in_service >> input & 1) != 0)
            return input;
    }
    return std::nullopt;
}

std::string_view name(PitMode mode) {
    constexpr std::array<std::string_view, 7> kNames{"interrupt on terminal count",
                                                     "hardware one-shot",
                                                     "rate generator",
                                                     "square wave",
                                                     "software strobe",
                                                     "hardware strobe",
                                                     "unknown"};
    return kNames[static_cast<unsigned>(mode)];
}

PitMode pit_mode(std::uint8_t mode) {
    if (mode == 6 || mode == 7)
        return static_cast<PitMode>(mode - 4);
    return mode < 6 ? static_cast<PitMode>(mode) : PitMode::Unknown;
}

}  // namespace ringside::x86
