// Single opcodes that others than the decoder look for (SDM volume 2).
#pragma once

#include <cstddef>

namespace ringside::x86 {

inline constexpr std::byte kInt3{0xcc};

}  // namespace ringside::x86
