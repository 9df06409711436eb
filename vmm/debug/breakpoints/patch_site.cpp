#include "vmm/debug/breakpoints/patch_site.h"

#include <algorithm>
#include <array>

#include "arch/x86_64/opcodes.h"

namespace ringside::debug {

namespace {

constexpr std::array kCallOrJump{x86::kCallRelative, x86::kJumpRelative, x86::kJumpShort};

bool begins_with(std::span<const std::byte> code, std::span<const std::byte> bytes) {
    return code.size() >= bytes.size() && std::ranges::equal(code.first(bytes.size()), bytes);
}

}  // namespace

bool is_patch_site(std::span<const std::byte> code) {
    if (code.empty())
        return false;
    return std::ranges::find(kCallOrJump, code[0]) != kCallOrJump.end() || begins_with(code, x86::kNop2) ||
           begins_with(code, x86::kNop5);
}

}  // namespace ringside::debug
