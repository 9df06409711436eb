// Several lambdas as one visitor for std::visit. One that takes `const auto&` takes new alternatives of the variant, too;
// where each must be decided on, name them with OneOf.
#pragma once

#include <concepts>

namespace ringside::gdbstub {

template <typename... Ts>
struct Overloaded : Ts... {
    using Ts::operator()...;
};
template <typename... Ts>
Overloaded(Ts...) -> Overloaded<Ts...>;

template <typename T, typename... Ts>
concept OneOf = (std::same_as<T, Ts> || ...);

}  // namespace ringside::gdbstub
