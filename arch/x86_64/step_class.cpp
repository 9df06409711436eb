#include "arch/x86_64/step_class.h"

#include <algorithm>
#include <optional>

#include "arch/x86_64/decode.h"
#include "arch/x86_64/prefixes.h"

namespace ringside::x86 {

namespace {

// Steps over an instruction's bytes.
class Cursor {
  public:
    explicit Cursor(std::span<const std::byte> bytes)
        : bytes_(bytes.first(std::min(bytes.size(), kMaxInstructionLength))) {}
    std::optional<std::uint8_t> next() {
        if (position_ == bytes_.size())
            return std::nullopt;
        return std::to_integer<std::uint8_t>(bytes_[position_++]);
    }
    std::uint8_t position() const { return static_cast<std::uint8_t>(position_); }

  private:
    std::span<const std::byte> bytes_;
    std::size_t position_ = 0;
};

// SDM volume 2, 2.1.1 and 2.2.1.
bool is_prefix(std::uint8_t byte, CpuMode mode) {
    return is_legacy_prefix(byte) || (mode == CpuMode::Long64 && byte >= 0x40 && byte <= 0x4f);
}

bool is_string_instruction(std::uint8_t opcode) {
    return (opcode >= 0xa4 && opcode <= 0xa7) || (opcode >= 0xaa && opcode <= 0xaf) ||
           (opcode >= 0x6c && opcode <= 0x6f);
}

StepClass classify_two_byte(Cursor& cursor) {
    switch (cursor.next().value_or(0)) {
        case 0x05:
            return {StepKind::Syscall, cursor.position()};
        case 0x07:
            return {StepKind::Sysret, cursor.position()};
        case 0x34:
            return {StepKind::Sysenter, cursor.position()};
        case 0x35:
            return {StepKind::Sysexit, cursor.position()};
        default:
            return {};
    }
}

StepClass classify_int_n(Cursor& cursor) {
    const auto vector = cursor.next();
    if (!vector)
        return {};
    return {StepKind::SoftwareInterrupt, cursor.position(), *vector};
}

// 8E /r: the segment register is ModRM's reg field.
StepClass classify_mov_to_segment(Cursor& cursor) {
    const auto modrm = cursor.next();
    if (!modrm || ((*modrm >> 3) & 7) != static_cast<unsigned>(SegmentName::Ss))
        return {};
    const bool from_register = (*modrm >> 6) == 3;
    return {StepKind::LoadsStackSegment, from_register ? cursor.position() : std::uint8_t{0}};
}

}  // namespace

StepClass classify(std::span<const std::byte> bytes, CpuMode mode) {
    Cursor cursor(bytes);
    bool repeated = false;
    auto opcode = cursor.next();
    for (; opcode && is_prefix(*opcode, mode); opcode = cursor.next())
        repeated = repeated || *opcode == 0xf2 || *opcode == 0xf3;
    if (!opcode)
        return {};

    const std::uint8_t length = cursor.position();
    const bool is_64 = mode == CpuMode::Long64;
    switch (*opcode) {
        case 0x0f:
            return classify_two_byte(cursor);
        case 0x17:
            return is_64 ? StepClass{} : StepClass{StepKind::LoadsStackSegment, length};
        case 0x8e:
            return classify_mov_to_segment(cursor);
        case 0x9c:
            return {StepKind::PushFlags, length};
        case 0x9d:
            return {StepKind::PopFlags, length};
        case 0xcc:
            return {StepKind::SoftwareInterrupt, length, 3};
        case 0xcd:
            return classify_int_n(cursor);
        case 0xce:
            return is_64 ? StepClass{} : StepClass{StepKind::SoftwareInterrupt, length, 4};
        case 0xcf:
            return {StepKind::InterruptReturn, length};
        case 0xf1:
            return {StepKind::SoftwareInterrupt, length, 1};
        case 0xf4:
            return {StepKind::Halt, length};
        default:
            if (repeated && is_string_instruction(*opcode))
                return {StepKind::RepeatedString, length};
            return {};
    }
}

bool may_stay_in_place(std::span<const std::byte> code) {
    constexpr std::uint8_t kOperandSize = 0x66, kAddressSize = 0x67, kFirstRex = 0x40, kLastRex = 0x4f;
    constexpr std::uint8_t kTwoBytes = 0x0f;
    for (std::size_t i = 0; i < code.size(); ++i) {
        const auto byte = std::to_integer<std::uint8_t>(code[i]);
        if (byte == kTwoBytes && i + 1 < code.size())
            return (std::to_integer<std::uint8_t>(code[i + 1]) & 0xf0) == 0x80;  // Jcc
        if (byte == kOperandSize || byte == kAddressSize || (byte >= kFirstRex && byte <= kLastRex))
            continue;
        const bool short_jump = (byte >= 0x70 && byte <= 0x7f) || (byte >= 0xe0 && byte <= 0xe3);
        return short_jump || byte == 0xe8 || byte == 0xe9 || byte == 0xeb || byte == 0xea || byte == 0xff ||
               byte == 0x9a || byte == kTwoBytes || byte == 0xc3 || byte == 0xcb;
    }
    return true;
}

}  // namespace ringside::x86
