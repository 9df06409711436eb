// The bytecodes of gdb's agent expressions (gdb manual, "Bytecode Descriptions").
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

namespace ringside::gdbstub {

enum class AgentOp : std::uint8_t {
    Add = 0x02,
    Sub = 0x03,
    Mul = 0x04,
    DivSigned = 0x05,
    DivUnsigned = 0x06,
    RemSigned = 0x07,
    RemUnsigned = 0x08,
    Lsh = 0x09,
    RshSigned = 0x0a,
    RshUnsigned = 0x0b,
    Trace = 0x0c,
    TraceQuick = 0x0d,
    LogNot = 0x0e,
    BitAnd = 0x0f,
    BitOr = 0x10,
    BitXor = 0x11,
    BitNot = 0x12,
    Equal = 0x13,
    LessSigned = 0x14,
    LessUnsigned = 0x15,
    Ext = 0x16,
    Ref8 = 0x17,
    Ref16 = 0x18,
    Ref32 = 0x19,
    Ref64 = 0x1a,
    IfGoto = 0x20,
    Goto = 0x21,
    Const8 = 0x22,
    Const16 = 0x23,
    Const32 = 0x24,
    Const64 = 0x25,
    Reg = 0x26,
    End = 0x27,
    Dup = 0x28,
    Pop = 0x29,
    ZeroExt = 0x2a,
    Swap = 0x2b,
    GetVariable = 0x2c,
    SetVariable = 0x2d,
    TraceVariable = 0x2e,
    TraceNz = 0x2f,
    Trace16 = 0x30,
    Pick = 0x32,
    Rot = 0x33,
    Printf = 0x34,
};

// The size of an opcode's operands; after those of printf follows a string. nullopt for a byte that is not an opcode:
// 0x01 and 0x1b to 0x1f are floating point, which the manual reserves.
constexpr std::optional<std::size_t> agent_operand_size(std::uint8_t byte) {
    if (byte < 0x02 || byte > 0x34 || (byte > 0x1a && byte < 0x20) || byte == 0x31)
        return std::nullopt;
    switch (static_cast<AgentOp>(byte)) {
        case AgentOp::TraceQuick:
        case AgentOp::Ext:
        case AgentOp::ZeroExt:
        case AgentOp::Const8:
        case AgentOp::Pick:
            return 1;
        case AgentOp::IfGoto:
        case AgentOp::Goto:
        case AgentOp::Const16:
        case AgentOp::Reg:
        case AgentOp::GetVariable:
        case AgentOp::SetVariable:
        case AgentOp::TraceVariable:
        case AgentOp::Trace16:
            return 2;
        case AgentOp::Printf:  // argument count, length of the string
            return 3;
        case AgentOp::Const32:
            return 4;
        case AgentOp::Const64:
            return 8;
        default:
            return 0;
    }
}

}  // namespace ringside::gdbstub
