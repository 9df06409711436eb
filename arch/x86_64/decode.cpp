#include "arch/x86_64/decode.h"

#include <capstone/capstone.h>

#include <algorithm>
#include <array>
#include <stdexcept>

#include "arch/x86_64/memory_operands.h"
#include "arch/x86_64/operand_use.h"

namespace ringside::x86 {

// A Capstone handle with room for one instruction, so that decoding does not allocate.
class Decoder::Engine {
  public:
    explicit Engine(cs_mode mode) {
        if (cs_open(CS_ARCH_X86, mode, &handle_) != CS_ERR_OK)
            throw std::runtime_error("Capstone cannot decode x86 instructions");
        cs_option(handle_, CS_OPT_DETAIL, CS_OPT_ON);
        instruction_ = cs_malloc(handle_);
        if (instruction_ == nullptr) {
            cs_close(&handle_);
            throw std::runtime_error("Capstone is out of memory");
        }
        sort_shared_table();
    }
    ~Engine() {
        cs_free(instruction_, 1);
        cs_close(&handle_);
    }
    Engine(const Engine&) = delete;
    Engine& operator=(const Engine&) = delete;

    // The instruction, valid until the next call; nullptr if there is none.
    const cs_insn* decode(std::span<const std::byte> bytes, std::uint64_t address) const {
        const auto* code = reinterpret_cast<const std::uint8_t*>(bytes.data());
        std::size_t size = std::min(bytes.size(), kMaxInstructionLength);
        return cs_disasm_iter(handle_, &code, &size, &address, instruction_) ? instruction_ : nullptr;
    }

  private:
    // Capstone 4 sorts a table that all handles share when it decodes for the first time, and takes no
    // lock: the vCPU threads must not be the first to decode. The compiler locks the initialisation.
    void sort_shared_table() const {
        [[maybe_unused]] static const bool sorted = decode(std::array{std::byte{0x90}}, 0) != nullptr;
    }

    csh handle_ = 0;
    cs_insn* instruction_ = nullptr;
};

namespace {

InstructionKind kind_of(const cs_insn& instruction) {
    switch (instruction.id) {
        case X86_INS_IN:
        case X86_INS_OUT:
            return InstructionKind::Port;
        case X86_INS_RDMSR:
            return InstructionKind::Rdmsr;
        case X86_INS_WRMSR:
            return InstructionKind::Wrmsr;
        case X86_INS_HLT:
            return InstructionKind::Hlt;
        default:
            return is_port_string(instruction) ? InstructionKind::Port : InstructionKind::Other;
    }
}

// The port is an immediate or DX. The other operand is AL, AX, EAX, or a string's memory.
std::uint8_t port_bytes(const cs_x86& details) {
    for (const cs_x86_op& operand : std::span(details.operands, details.op_count)) {
        const bool is_port =
            operand.type == X86_OP_IMM || (operand.type == X86_OP_REG && operand.reg == X86_REG_DX);
        if (!is_port)
            return operand.size;
    }
    return 0;
}

}  // namespace

Decoder::Decoder()
    : engines_{std::make_unique<Engine>(CS_MODE_16), std::make_unique<Engine>(CS_MODE_32),
               std::make_unique<Engine>(CS_MODE_64)} {}
Decoder::~Decoder() = default;
Decoder::Decoder(Decoder&&) noexcept = default;
Decoder& Decoder::operator=(Decoder&&) noexcept = default;

const Decoder::Engine& Decoder::engine(CpuMode mode) const {
    switch (default_address_size(mode)) {
        case 2:
            return *engines_[0];
        case 4:
            return *engines_[1];
        default:
            return *engines_[2];
    }
}

std::optional<Disassembly> Decoder::disassemble(std::span<const std::byte> bytes, Gva address,
                                                CpuMode mode) const {
    const cs_insn* instruction = engine(mode).decode(bytes, address.value);
    if (instruction == nullptr)
        return std::nullopt;
    const cs_x86& details = instruction->detail->x86;
    const auto operands = std::span(details.operands, details.op_count);
    Disassembly result{.text = instruction->mnemonic,
                       .length = static_cast<std::uint8_t>(instruction->size),
                       .kind = kind_of(*instruction)};
    if (result.kind == InstructionKind::Port)
        result.port_bytes = port_bytes(details);
    result.has_memory_operand =
        std::ranges::any_of(operands, [](const cs_x86_op& operand) { return operand.type == X86_OP_MEM; });
    if (instruction->op_str[0] != '\0') {
        result.text += ' ';
        result.text += instruction->op_str;
    }
    return result;
}

std::optional<MemoryAccesses> Decoder::memory_accesses(std::span<const std::byte> bytes,
                                                       const CpuState& state, RepeatScope scope) const {
    const cs_insn* instruction = engine(cpu_mode(state)).decode(bytes, state.general.rip);
    if (instruction == nullptr)
        return std::nullopt;
    return find_memory_accesses(*instruction, state, scope);
}

void MemoryAccesses::add(MemoryAccess access) {
    if (count_ == list_.size()) {
        complete_ = false;
        return;
    }
    list_[count_++] = access;
}

}  // namespace ringside::x86
