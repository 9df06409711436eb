#include "tests/conformance/impossible.h"

namespace ringside::conformance {

namespace {

struct Impossible {
    std::string_view kvm;
    std::string_view behaviour;
    std::string_view reason;
};

constexpr Impossible kImpossible[] = {
    {"", "", ""},
};

}  // namespace

std::optional<std::string_view> why_impossible(std::string_view kvm, std::string_view behaviour) {
    for (const Impossible& row : kImpossible) {
        if (row.kvm == kvm && row.behaviour == behaviour)
            return row.reason;
    }
    return std::nullopt;
}

}  // namespace ringside::conformance
