#include "arch/x86_64/memory_operands.h"

#include <algorithm>
#include <optional>

#include "arch/x86_64/control_bits.h"
#include "arch/x86_64/operand_use.h"

namespace ringside::x86 {

namespace {

// The value of a register that can be part of an address or a bit offset; nullopt for any other (a vector
// index).
std::optional<std::uint64_t> read_register(const GeneralRegisters& r, x86_reg reg) {
    struct Row {
        x86_reg full, dword, word;
        std::uint64_t GeneralRegisters::*member;
    };
    static constexpr std::array kRows{
        Row{X86_REG_RAX, X86_REG_EAX, X86_REG_AX, &GeneralRegisters::rax},
        Row{X86_REG_RBX, X86_REG_EBX, X86_REG_BX, &GeneralRegisters::rbx},
        Row{X86_REG_RCX, X86_REG_ECX, X86_REG_CX, &GeneralRegisters::rcx},
        Row{X86_REG_RDX, X86_REG_EDX, X86_REG_DX, &GeneralRegisters::rdx},
        Row{X86_REG_RSI, X86_REG_ESI, X86_REG_SI, &GeneralRegisters::rsi},
        Row{X86_REG_RDI, X86_REG_EDI, X86_REG_DI, &GeneralRegisters::rdi},
        Row{X86_REG_RBP, X86_REG_EBP, X86_REG_BP, &GeneralRegisters::rbp},
        Row{X86_REG_RSP, X86_REG_ESP, X86_REG_SP, &GeneralRegisters::rsp},
        Row{X86_REG_R8, X86_REG_R8D, X86_REG_R8W, &GeneralRegisters::r8},
        Row{X86_REG_R9, X86_REG_R9D, X86_REG_R9W, &GeneralRegisters::r9},
        Row{X86_REG_R10, X86_REG_R10D, X86_REG_R10W, &GeneralRegisters::r10},
        Row{X86_REG_R11, X86_REG_R11D, X86_REG_R11W, &GeneralRegisters::r11},
        Row{X86_REG_R12, X86_REG_R12D, X86_REG_R12W, &GeneralRegisters::r12},
        Row{X86_REG_R13, X86_REG_R13D, X86_REG_R13W, &GeneralRegisters::r13},
        Row{X86_REG_R14, X86_REG_R14D, X86_REG_R14W, &GeneralRegisters::r14},
        Row{X86_REG_R15, X86_REG_R15D, X86_REG_R15W, &GeneralRegisters::r15},
        Row{X86_REG_RIP, X86_REG_EIP, X86_REG_IP, &GeneralRegisters::rip},
    };
    if (reg == X86_REG_INVALID || reg == X86_REG_RIZ || reg == X86_REG_EIZ)
        return 0;
    for (const Row& row : kRows) {
        if (reg == row.full)
            return r.*row.member;
        if (reg == row.dword)
            return truncate(r.*row.member, 4);
        if (reg == row.word)
            return truncate(r.*row.member, 2);
    }
    return std::nullopt;
}

// One instruction in one state: collects what it touches.
class Finder {
  public:
    Finder(const cs_insn& instruction, const CpuState& state, RepeatScope scope)
        : instruction_(instruction),
          x86_(instruction.detail->x86),
          state_(state),
          mode_(cpu_mode(state)),
          scope_(scope),
          result_(static_cast<std::uint8_t>(instruction.size)) {}

    MemoryAccesses run() {
        if (!is_repeated() || iterations() != 0) {
            for (std::size_t i = 0; i < x86_.op_count; ++i) {
                if (x86_.operands[i].type == X86_OP_MEM && !touches_no_memory(instruction_.id))
                    operand(i);
            }
        }
        stack();
        implicit();
        return result_;
    }

  private:
    bool has_operand_size_prefix() const { return x86_.prefix[2] == X86_PREFIX_OPSIZE; }
    bool rex_w() const { return (x86_.rex & 8) != 0; }

    // The operand size in bytes: of ordinary instructions, and of those whose default in 64-bit mode is 8
    // (pushes, pops, near branches; SDM volume 1, 6.2.2).
    unsigned operand_size() const {
        if (rex_w())
            return 8;
        const bool is_16 = (default_operand_size(mode_) == 2) != has_operand_size_prefix();
        return is_16 ? 2 : 4;
    }
    unsigned stack_operand_size() const {
        if (mode_ != CpuMode::Long64)
            return operand_size();
        return has_operand_size_prefix() ? 2 : 8;
    }

    // ---- Explicit operands

    void operand(std::size_t index) {
        const cs_x86_op& op = x86_.operands[index];
        const auto offset = effective_address(op);
        const auto size = access_size(op);
        if (!offset || !size) {
            result_.set_incomplete();
            return;
        }
        const Direction how = direction(instruction_, index);
        const SegmentName in = segment_of(op);
        MemoryAccess access{linear_address(mode_, state_.system, in, *offset), *size, how.read, how.write};
        if (is_repeated() && scope_ == RepeatScope::AllIterations)
            stretch(access);
        result_.add(access);
    }

    // The offset in its segment; nullopt if it depends on a vector register.
    std::optional<std::uint64_t> effective_address(const cs_x86_op& op) const {
        const auto base = read_register(state_.general, op.mem.base);
        const auto index = read_register(state_.general, op.mem.index);
        if (!base || !index)
            return std::nullopt;
        std::uint64_t offset = *base + *index * static_cast<std::uint64_t>(op.mem.scale) +
                               static_cast<std::uint64_t>(op.mem.disp);
        if (op.mem.base == X86_REG_RIP || op.mem.base == X86_REG_EIP)
            offset += instruction_.size;
        // POP computes an address from RSP after it has changed RSP (SDM volume 2, POP).
        if (instruction_.id == X86_INS_POP && (op.mem.base == X86_REG_RSP || op.mem.base == X86_REG_ESP))
            offset += stack_operand_size();
        offset += bit_offset();
        return truncate(offset, x86_.addr_size);
    }

    // BT, BTS, BTR and BTC with a register operand reach beyond the operand that is written down (SDM volume
    // 2, BT).
    std::uint64_t bit_offset() const {
        const bool is_bit_test = instruction_.id == X86_INS_BT || instruction_.id == X86_INS_BTS ||
                                 instruction_.id == X86_INS_BTR || instruction_.id == X86_INS_BTC;
        if (!is_bit_test || x86_.operands[1].type != X86_OP_REG)
            return 0;
        const unsigned size = x86_.operands[0].size;
        const auto value = read_register(state_.general, x86_.operands[1].reg);
        const unsigned unused = 64 - 8 * size;
        const auto bits = static_cast<std::int64_t>(value.value_or(0) << unused) >> unused;
        const int shift = size == 2 ? 4 : size == 4 ? 5 : 6;
        return static_cast<std::uint64_t>(bits >> shift) * size;
    }

    static bool is_base(const cs_x86_op& op, x86_reg full, x86_reg dword, x86_reg word) {
        return op.mem.base == full || op.mem.base == dword || op.mem.base == word;
    }

    SegmentName segment_of(const cs_x86_op& op) const {
        if (is_string(instruction_) && is_base(op, X86_REG_RDI, X86_REG_EDI, X86_REG_DI))
            return SegmentName::Es;  // cannot be overridden
        switch (op.mem.segment) {
            case X86_REG_ES:
                return SegmentName::Es;
            case X86_REG_CS:
                return SegmentName::Cs;
            case X86_REG_SS:
                return SegmentName::Ss;
            case X86_REG_DS:
                return SegmentName::Ds;
            case X86_REG_FS:
                return SegmentName::Fs;
            case X86_REG_GS:
                return SegmentName::Gs;
            default:
                break;
        }
        const bool on_stack = is_base(op, X86_REG_RBP, X86_REG_EBP, X86_REG_BP) ||
                              is_base(op, X86_REG_RSP, X86_REG_ESP, X86_REG_SP);
        return on_stack ? SegmentName::Ss : SegmentName::Ds;
    }

    // Capstone's size where it can be trusted; nullopt where the processor's configuration decides.
    std::optional<std::uint64_t> access_size(const cs_x86_op& op) const {
        const std::string_view name(instruction_.mnemonic);
        if (name.starts_with("xsave") || name.starts_with("xrstor"))
            return std::nullopt;
        switch (instruction_.id) {
            case X86_INS_FXSAVE:
            case X86_INS_FXSAVE64:
            case X86_INS_FXRSTOR:
            case X86_INS_FXRSTOR64:
                return 512;
            case X86_INS_FNSTSW:
                return 2;
            case X86_INS_FNSTENV:
            case X86_INS_FLDENV:
                return operand_size() == 2 ? 14 : 28;
            case X86_INS_FNSAVE:
            case X86_INS_FRSTOR:
                return operand_size() == 2 ? 94 : 108;
            case X86_INS_LDS:
            case X86_INS_LES:
            case X86_INS_LFS:
            case X86_INS_LGS:
            case X86_INS_LSS:
            case X86_INS_LJMP:
            case X86_INS_LCALL:
                return operand_size() + 2;
            case X86_INS_SGDT:
            case X86_INS_SIDT:
            case X86_INS_LGDT:
            case X86_INS_LIDT:
                return mode_ == CpuMode::Long64 ? 10 : 6;
            default:
                return op.size;
        }
    }

    // ---- String instructions

    bool is_repeated() const {
        return is_string(instruction_) &&
               (x86_.prefix[0] == X86_PREFIX_REP || x86_.prefix[0] == X86_PREFIX_REPNE);
    }

    std::uint64_t iterations() const { return truncate(state_.general.rcx, x86_.addr_size); }

    // Extends one iteration's access to all iterations, downwards if DF is set. A count that goes past the
    // end of the address space covers all of it.
    void stretch(MemoryAccess& access) {
        const std::uint64_t count = iterations();
        const std::uint64_t element = access.size;
        const bool down = (state_.general.rflags & rflags::kDf) != 0;
        const std::uint64_t room = down ? access.gva.value + element : ~access.gva.value;
        access.size = element * std::min(count, room / element);
        if (access.size < element)
            access.size = element;
        if (down)
            access.gva.value -= access.size - element;
    }

    // ---- The stack (SDM volume 1, chapter 6)

    void push(unsigned size, unsigned count = 1) {
        stack_access(state_.general.rsp - std::uint64_t{size} * count, size * count, true);
    }
    void pop(unsigned size, unsigned count = 1) { stack_access(state_.general.rsp, size * count, false); }

    void stack_access(std::uint64_t offset, unsigned size, bool write) {
        offset = truncate(offset, stack_address_size(mode_, state_.system));
        result_.add({linear_address(mode_, state_.system, SegmentName::Ss, offset), size, !write, write});
    }

    void stack() {
        const unsigned near = mode_ == CpuMode::Long64 ? 8 : operand_size();
        switch (instruction_.id) {
            case X86_INS_PUSH:
            case X86_INS_PUSHF:
            case X86_INS_PUSHFD:
            case X86_INS_PUSHFQ:
                return push(stack_operand_size());
            case X86_INS_POP:
            case X86_INS_POPF:
            case X86_INS_POPFD:
            case X86_INS_POPFQ:
                return pop(stack_operand_size());
            case X86_INS_PUSHAW:
            case X86_INS_PUSHAL:
                return push(operand_size(), 8);
            case X86_INS_POPAW:
            case X86_INS_POPAL:
                return pop(operand_size(), 8);
            case X86_INS_CALL:
                return push(near);
            case X86_INS_RET:
                return pop(near);
            case X86_INS_LEAVE:
                return stack_access(state_.general.rbp, stack_operand_size(), false);
            default:
                return far_transfer();
        }
    }

    // A change of privilege switches stacks or pops more, and a gate reads the TSS: the list is incomplete
    // then.
    void far_transfer() {
        switch (instruction_.id) {
            case X86_INS_ENTER:
                push(stack_operand_size());
                if (x86_.op_count < 2 || x86_.operands[1].imm != 0)
                    result_.set_incomplete();
                return;
            case X86_INS_LCALL:
                push(operand_size(), 2);
                break;
            case X86_INS_RETF:
            case X86_INS_RETFQ:
                pop(operand_size(), 2);
                break;
            case X86_INS_IRET:
            case X86_INS_IRETD:
            case X86_INS_IRETQ:
                pop(operand_size(), mode_ == CpuMode::Long64 ? 5 : 3);
                break;
            case X86_INS_INT:
            case X86_INS_INT1:
            case X86_INS_INT3:
            case X86_INS_INTO:
                result_.set_incomplete();
                return;
            default:
                return;
        }
        if (mode_ != CpuMode::Real)
            result_.set_incomplete();
    }

    // ---- Implicit operands

    void implicit() {
        switch (instruction_.id) {
            case X86_INS_XLATB:
                return implicit_access(state_.general.rbx + (state_.general.rax & 0xff), 1, true, false);
            case X86_INS_MASKMOVDQU:
            case X86_INS_VMASKMOVDQU:
                return implicit_access(state_.general.rdi, 16, false, true);
            case X86_INS_MASKMOVQ:
                return implicit_access(state_.general.rdi, 8, false, true);
            default:
                return;
        }
    }

    void implicit_access(std::uint64_t offset, unsigned size, bool read, bool write) {
        const Gva gva =
            linear_address(mode_, state_.system, implicit_segment(), truncate(offset, x86_.addr_size));
        result_.add({gva, size, read, write});
    }

    SegmentName implicit_segment() const {
        switch (x86_.prefix[1]) {
            case X86_PREFIX_ES:
                return SegmentName::Es;
            case X86_PREFIX_CS:
                return SegmentName::Cs;
            case X86_PREFIX_SS:
                return SegmentName::Ss;
            case X86_PREFIX_FS:
                return SegmentName::Fs;
            case X86_PREFIX_GS:
                return SegmentName::Gs;
            default:
                return SegmentName::Ds;
        }
    }

    const cs_insn& instruction_;
    const cs_x86& x86_;
    const CpuState& state_;
    CpuMode mode_;
    RepeatScope scope_;
    MemoryAccesses result_;
};

}  // namespace

MemoryAccesses find_memory_accesses(const cs_insn& instruction, const CpuState& state, RepeatScope scope) {
    return Finder(instruction, state, scope).run();
}

}  // namespace ringside::x86
