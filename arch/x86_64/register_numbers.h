// General registers by their number in an instruction's encoding (SDM volume 2, table 2-2).
#pragma once

#include <array>
#include <cstdint>

#include "arch/x86_64/cpu_state.h"

namespace ringside::x86 {

inline constexpr unsigned kRspNumber = 4, kRbpNumber = 5;

inline std::uint64_t& numbered(GeneralRegisters& registers, unsigned number) {
    using R = GeneralRegisters;
    static constexpr std::array kNumbers{&R::rax, &R::rcx, &R::rdx, &R::rbx, &R::rsp, &R::rbp,
                                         &R::rsi, &R::rdi, &R::r8,  &R::r9,  &R::r10, &R::r11,
                                         &R::r12, &R::r13, &R::r14, &R::r15};
    return registers.*kNumbers[number];
}

}  // namespace ringside::x86
