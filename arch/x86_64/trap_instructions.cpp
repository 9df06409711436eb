#include "arch/x86_64/trap_instructions.h"

namespace ringside::x86 {

InterruptShadow interrupt_shadow_behind(std::span<const std::byte, kShadowBytes> before) {
    constexpr std::byte kSti{0xfb}, kPopSs{0x17}, kMovToSegment{0x8e};
    // ModR/M of MOV SS, r16: register form, reg = 2.
    constexpr std::byte kRegisterForm{0xf8}, kSsFromRegister{0xd0};
    if (before[1] == kSti)
        return InterruptShadow::Sti;
    if (before[1] == kPopSs || (before[0] == kMovToSegment && (before[1] & kRegisterForm) == kSsFromRegister))
        return InterruptShadow::MovSs;
    return InterruptShadow::None;
}

}  // namespace ringside::x86
