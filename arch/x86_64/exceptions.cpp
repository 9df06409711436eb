#include "arch/x86_64/exceptions.h"

#include <fmt/format.h>

#include <array>

namespace ringside::x86 {

std::string exception_name(std::uint8_t vector) {
    constexpr std::array<std::string_view, 32> kNames{"#DE", "#DB", "NMI", "#BP", "#OF", "#BR", "#UD", "#NM",
                                                      "#DF", "",    "#TS", "#NP", "#SS", "#GP", "#PF", "",
                                                      "#MF", "#AC", "#MC", "#XM", "#VE", "#CP", "",    "",
                                                      "",    "",    "",    "",    "#HV", "#VC", "#SX", ""};
    if (vector < kNames.size() && !kNames[vector].empty())
        return std::string(kNames[vector]);
    return fmt::format("vector {}", vector);
}

bool has_error_code(std::uint8_t vector) {
    constexpr std::uint32_t kPushing = 1U << 8 | 1U << 10 | 1U << 11 | 1U << 12 | 1U << 13 | 1U << 14 |
                                       1U << 17 | 1U << 21 | 1U << 29 | 1U << 30;
    return vector < 32 && (kPushing >> vector & 1) != 0;
}

std::string describe_page_fault_error(std::uint64_t error_code) {
    const auto has = [error_code](unsigned bit) { return ((error_code >> bit) & 1) != 0; };
    std::string text = has(4) ? "fetch" : has(1) ? "write" : "read";
    text += has(2) ? ", user" : ", supervisor";
    text += has(0) ? ", protection violation" : ", page not present";
    if (has(3))
        text += ", reserved bit set";
    if (has(5))
        text += ", protection key";
    return text;
}

}  // namespace ringside::x86
