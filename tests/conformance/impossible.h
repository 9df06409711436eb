// What cannot be done on a kind of KVM, by name and with the reason: the only failures that are not one.
#pragma once

#include <optional>
#include <string_view>

namespace ringside::conformance {

// Why a behaviour (Behaviour::id) is impossible on a kind of KVM (kvm_kind()); nothing if it must work.
std::optional<std::string_view> why_impossible(std::string_view kvm, std::string_view behaviour);

}  // namespace ringside::conformance
