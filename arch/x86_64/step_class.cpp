#include "arch/x86_64/step_class.h"

#include <algorithm>
#include <cstring>
#include <limits>
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
    // What the next bytes hold, without a step over them.
    template <typename T>
    std::optional<T> operand() const {
        if (bytes_.size() - position_ < sizeof(T))
            return std::nullopt;
        T value = 0;
        std::memcpy(&value, bytes_.data() + position_, sizeof value);
        return value;
    }
    std::uint8_t position() const { return static_cast<std::uint8_t>(position_); }

  private:
    std::span<const std::byte> bytes_;
    std::size_t position_ = 0;
};

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

bool is_short_jump(std::uint8_t opcode) {
    return (opcode >= 0x70 && opcode <= 0x7f) || (opcode >= 0xe0 && opcode <= 0xe3) || opcode == 0xeb;
}

// JMP near and far: ModRM's reg field is 4 or 5.
bool is_indirect_jump(std::uint8_t modrm) {
    return ((modrm >> 3) & 6) == 4;
}

// Returns true if the displacement that ends the instruction leads to its first byte.
template <typename T>
bool leads_back(std::optional<T> displacement, const Cursor& cursor) {
    return displacement && static_cast<T>(*displacement + cursor.position() + sizeof(T)) == 0;
}

// The operand size, 2 or 4 bytes, need not be known: a displacement cannot lead back in both.
SelfJump relative_self_jump(const Cursor& cursor) {
    return leads_back(cursor.operand<std::uint16_t>(), cursor) ||
                   leads_back(cursor.operand<std::uint32_t>(), cursor)
               ? SelfJump::Yes
               : SelfJump::No;
}

// A far jump's offset, of either size.
template <typename T>
bool holds(std::optional<T> offset, std::uint64_t rip) {
    return offset == static_cast<T>(rip) && (sizeof(T) > 2 || rip <= std::numeric_limits<T>::max());
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

SelfJump self_jump(std::span<const std::byte> bytes, CpuMode mode, std::uint64_t rip) {
    Cursor cursor(bytes);
    auto opcode = cursor.next();
    while (opcode && is_prefix(*opcode, mode))
        opcode = cursor.next();
    if (opcode == 0x0f) {
        const auto second = cursor.next().value_or(0);
        return (second & 0xf0) == 0x80 ? relative_self_jump(cursor) : SelfJump::No;  // Jcc
    }
    switch (opcode.value_or(0)) {
        case 0xe9:
            return relative_self_jump(cursor);
        case 0xea:
            return holds(cursor.operand<std::uint16_t>(), rip) || holds(cursor.operand<std::uint32_t>(), rip)
                       ? SelfJump::Yes
                       : SelfJump::No;
        case 0xff:
            return is_indirect_jump(cursor.next().value_or(0)) ? SelfJump::Unknown : SelfJump::No;
        default:
            return is_short_jump(opcode.value_or(0)) && leads_back(cursor.operand<std::uint8_t>(), cursor)
                       ? SelfJump::Yes
                       : SelfJump::No;
    }
}

}  // namespace ringside::x86
