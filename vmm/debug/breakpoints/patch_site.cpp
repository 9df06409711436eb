#include "vmm/debug/breakpoints/patch_site.h"

#include <algorithm>
#include <array>

namespace ringside::debug {

namespace {

constexpr std::array kShortNop{std::byte{0x66}, std::byte{0x90}};
constexpr std::array kLongNop{std::byte{0x0f}, std::byte{0x1f}, std::byte{0x44}, std::byte{0x00},
                              std::byte{0x00}};
constexpr std::array kCallOrJump{std::byte{0xe8}, std::byte{0xe9}, std::byte{0xeb}};

bool begins_with(std::span<const std::byte> code, std::span<const std::byte> bytes) {
    return code.size() >= bytes.size() && std::ranges::equal(code.first(bytes.size()), bytes);
}

}  // namespace

bool is_patch_site(std::span<const std::byte> code) {
    if (code.empty())
        return false;
    return std::ranges::find(kCallOrJump, code[0]) != kCallOrJump.end() || begins_with(code, kShortNop) ||
           begins_with(code, kLongNop);
}

}  // namespace ringside::debug
