#include "arch/x86_64/register_value.h"

#include <array>
#include <cstring>

namespace ringside::x86 {

bool has_value(const RegisterInfo& info) {
    return info.bytes() <= sizeof(std::uint64_t) &&
           (info.register_class == RegisterClass::General || info.register_class == RegisterClass::System);
}

std::optional<std::uint64_t> register_value(const RegisterFile& file, const CpuState& state,
                                            const RegisterInfo& info) {
    std::array<std::byte, sizeof(std::uint64_t)> bytes{};
    if (!has_value(info) || !file.read(state, info.regno, std::span(bytes).first(info.bytes())))
        return std::nullopt;
    std::uint64_t value = 0;
    std::memcpy(&value, bytes.data(), sizeof value);
    return value;
}

}  // namespace ringside::x86
