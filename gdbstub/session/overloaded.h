// Several lambdas as one visitor for std::visit.
#pragma once

namespace ringside::gdbstub {

template <typename... Ts>
struct Overloaded : Ts... {
    using Ts::operator()...;
};
template <typename... Ts>
Overloaded(Ts...) -> Overloaded<Ts...>;

}  // namespace ringside::gdbstub
