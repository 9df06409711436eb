// Guest addresses as types, so that a physical one cannot be passed where a linear one is meant.
#pragma once

#include <compare>
#include <cstdint>

namespace ringside::x86 {

// A guest-physical address (SDM volume 3, chapter 4: what paging produces and the memory bus sees).
struct Gpa {
    std::uint64_t value = 0;
    friend constexpr auto operator<=>(const Gpa&, const Gpa&) = default;
    friend constexpr Gpa operator+(Gpa a, std::uint64_t n) { return Gpa{a.value + n}; }
    friend constexpr std::uint64_t operator-(Gpa a, Gpa b) { return a.value - b.value; }
};

// A guest linear ("virtual") address: segment base already added, paging not yet applied.
struct Gva {
    std::uint64_t value = 0;
    friend constexpr auto operator<=>(const Gva&, const Gva&) = default;
    friend constexpr Gva operator+(Gva a, std::uint64_t n) { return Gva{a.value + n}; }
    friend constexpr std::uint64_t operator-(Gva a, Gva b) { return a.value - b.value; }
};

}  // namespace ringside::x86
