// What cannot be done on a kind of KVM, by name and with the reason: the only failures that are not one.
#pragma once

#include <string_view>

namespace ringside::conformance {

struct Impossible {
    std::string_view kvm;        // kvm_kind()
    std::string_view behaviour;  // Behaviour::id
    std::string_view reason;
    // Not tried, as everything else is: it would take the whole machine with it. (It is with gtest's
    // --gtest_also_run_disabled_tests.)
    bool fatal = false;
};

// Why a behaviour is impossible on a kind of KVM; nullptr if it must work.
const Impossible* why_impossible(std::string_view kvm, std::string_view behaviour);

}  // namespace ringside::conformance
