#include "arch/x86_64/operand_use.h"

#include <string_view>

namespace ringside::x86 {

namespace {

// Instructions that only read a first operand in memory although another operand follows.
bool only_compares(unsigned id) {
    switch (id) {
        case X86_INS_CMP:
        case X86_INS_TEST:
        case X86_INS_BT:
        case X86_INS_CMPSB:
        case X86_INS_CMPSW:
        case X86_INS_CMPSD:
        case X86_INS_CMPSQ:
            return true;
        default:
            return false;
    }
}

// Stores of a lone operand that Capstone 4 lists as reads.
bool stores_lone_operand(unsigned id) {
    switch (id) {
        case X86_INS_FST:
        case X86_INS_FSTP:
        case X86_INS_FIST:
        case X86_INS_FISTP:
        case X86_INS_FISTTP:
        case X86_INS_FBSTP:
        case X86_INS_FNSTCW:
        case X86_INS_FNSTSW:
        case X86_INS_FNSTENV:
        case X86_INS_FNSAVE:
        case X86_INS_STMXCSR:
        case X86_INS_VSTMXCSR:
            return true;
        default:
            return false;
    }
}

bool is_exchange(unsigned id) {
    return id == X86_INS_CMPXCHG || id == X86_INS_CMPXCHG8B || id == X86_INS_CMPXCHG16B;
}

// Returns true if the mnemonic means that the first operand is stored and not read: mov*, vmov*, pextr*,
// vextract*, ...
bool is_plain_store(const cs_insn& instruction) {
    const std::string_view name(instruction.mnemonic);
    for (const std::string_view start :
         {"mov", "vmov", "pextr", "vpextr", "extract", "vextract", "vcvtps2ph"}) {
        if (name.starts_with(start))
            return true;
    }
    return false;
}

}  // namespace

bool touches_no_memory(unsigned id) {
    switch (id) {
        case X86_INS_LEA:
        case X86_INS_NOP:
        case X86_INS_PREFETCH:
        case X86_INS_PREFETCHW:
        case X86_INS_PREFETCHNTA:
        case X86_INS_PREFETCHT0:
        case X86_INS_PREFETCHT1:
        case X86_INS_PREFETCHT2:
        case X86_INS_CLFLUSH:
        case X86_INS_CLFLUSHOPT:
        case X86_INS_CLWB:
        case X86_INS_INVLPG:
            return true;
        default:
            return false;
    }
}

bool is_string(const cs_insn& instruction) {
    switch (instruction.id) {
        case X86_INS_MOVSB:
        case X86_INS_MOVSW:
        case X86_INS_MOVSQ:
        case X86_INS_CMPSB:
        case X86_INS_CMPSW:
        case X86_INS_CMPSQ:
        case X86_INS_STOSB:
        case X86_INS_STOSW:
        case X86_INS_STOSD:
        case X86_INS_STOSQ:
        case X86_INS_LODSB:
        case X86_INS_LODSW:
        case X86_INS_LODSD:
        case X86_INS_LODSQ:
        case X86_INS_SCASB:
        case X86_INS_SCASW:
        case X86_INS_SCASD:
        case X86_INS_SCASQ:
            return true;
        case X86_INS_MOVSD:  // SSE2 has instructions of these two names, with a 0F opcode
        case X86_INS_CMPSD:
            return instruction.detail->x86.opcode[0] != 0x0f;
        default:
            return is_port_string(instruction);
    }
}

bool is_port_string(const cs_insn& instruction) {
    switch (instruction.id) {
        case X86_INS_INSB:
        case X86_INS_INSW:
        case X86_INS_INSD:
        case X86_INS_OUTSB:
        case X86_INS_OUTSW:
        case X86_INS_OUTSD:
            return true;
        default:
            return false;
    }
}

// Capstone 4 lists many stores (SSE, x87, CMPXCHG, RCL) as reads, so trust it only where it says "written".
// Otherwise a first operand that others follow is a destination.
Direction direction(const cs_insn& instruction, std::size_t index) {
    const cs_x86& x86 = instruction.detail->x86;
    const unsigned access = x86.operands[index].access;
    if ((access & CS_AC_WRITE) != 0)
        return {(access & CS_AC_READ) != 0, true};
    if (is_exchange(instruction.id))
        return {true, true};
    if (index != 0)
        return {true, false};
    if (x86.op_count == 1)
        return stores_lone_operand(instruction.id) ? Direction{false, true} : Direction{true, false};
    if (only_compares(instruction.id))
        return {true, false};
    const bool input =
        instruction.id == X86_INS_INSB || instruction.id == X86_INS_INSW || instruction.id == X86_INS_INSD;
    return {!input && !is_plain_store(instruction), true};
}

}  // namespace ringside::x86
