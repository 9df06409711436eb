// What cannot be done on a kind of KVM, by name, with the reason and with what is seen instead. Only these
// failures are not counted as such.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tests/conformance/behaviour.h"

namespace ringside::conformance {

struct Impossible {
    std::string_view kvm;        // kvm_kind()
    std::string_view behaviour;  // Behaviour::id
    std::string_view reason;
    // Part of the mismatch that is seen there; any other is a failure. Empty if none can be seen: the machine crashes.
    std::string_view mismatch;
    // It would take the whole machine with it, so it is only tried with --gtest_also_run_disabled_tests.
    bool fatal = false;
};

// Why a behaviour is impossible on a kind of KVM; nullptr if it must work.
const Impossible* why_impossible(std::string_view kvm, std::string_view behaviour);

// The rows of the list, as "KVM: BEHAVIOUR", that name none of these behaviours.
std::vector<std::string> rows_without_behaviour(const Behaviours&);

}  // namespace ringside::conformance
