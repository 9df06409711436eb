// How a behaviour says that it is not as it should be. Thrown, not asserted: on a host where the behaviour is
// known to be impossible it is the expected end.
#pragma once

#include <fmt/format.h>

#include <stdexcept>
#include <string>

namespace ringside::conformance {

class Mismatch : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

template <typename... Arguments>
void require(bool condition, fmt::format_string<Arguments...> text, Arguments&&... arguments) {
    if (!condition)
        throw Mismatch(fmt::format(text, std::forward<Arguments>(arguments)...));
}

// Numbers, shown in hexadecimal.
inline void require_equal(std::string_view what, std::uint64_t found, std::uint64_t expected) {
    require(found == expected, "{} is 0x{:x}, not 0x{:x}", what, found, expected);
}

}  // namespace ringside::conformance
