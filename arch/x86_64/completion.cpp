#include "arch/x86_64/completion.h"

#include <bit>

#include "arch/x86_64/arithmetic.h"
#include "arch/x86_64/control_bits.h"
#include "arch/x86_64/prefixes.h"
#include "arch/x86_64/register_numbers.h"

namespace ringside::x86 {

namespace {

// The parts of an instruction's encoding that matter here (SDM volume 2, chapter 2). Only legacy encodings,
// no VEX.
struct Form {
    bool operand_size = false;  // 66
    bool repeat = false;        // F3
    bool lock = false;          // F0
    std::uint8_t rex = 0;       // 0, or 40 to 4F
    bool two_byte = false;      // after 0F
    std::uint8_t opcode = 0;
    std::uint8_t modrm = 0;   // 0 if there is none
    std::uint8_t length = 0;  // of all these, in bytes

    bool wide() const { return (rex & 8) != 0; }
    bool register_operand() const { return modrm >> 6 == 3; }
    unsigned reg_digit() const { return modrm >> 3 & 7; }
    unsigned reg() const { return reg_digit() | (rex & 4U) << 1; }
    unsigned rm() const { return (modrm & 7U) | (rex & 1U) << 3; }
    unsigned size() const { return wide() ? 8 : operand_size ? 2 : 4; }
};

// None of the instructions below takes REPNE.
bool take_prefix(Form& form, std::uint8_t byte) {
    constexpr std::uint8_t kOperandSize = 0x66, kLock = 0xf0, kRepeat = 0xf3, kRepeatNotEqual = 0xf2;
    form.operand_size = form.operand_size || byte == kOperandSize;
    form.repeat = form.repeat || byte == kRepeat;
    form.lock = form.lock || byte == kLock;
    return is_legacy_prefix(byte) && byte != kRepeatNotEqual;
}

// Decodes as 64-bit mode does. Missing bytes count as 0, which is none of the opcodes below.
Form parse(std::span<const std::byte> bytes) {
    Form form;
    const auto next = [&] {
        return form.length < bytes.size() ? std::to_integer<std::uint8_t>(bytes[form.length++])
                                          : std::uint8_t{0};
    };
    std::uint8_t byte = next();
    while (take_prefix(form, byte))
        byte = next();
    if ((byte & 0xf0) == 0x40) {
        form.rex = byte;
        byte = next();
    }
    form.two_byte = byte == 0x0f;
    form.opcode = form.two_byte ? next() : byte;
    form.modrm = form.two_byte ? next() : std::uint8_t{0};
    return form;
}

class Completion {
  public:
    Completion(const Form& form, const GeneralRegisters& general, const SystemRegisters& system,
               std::optional<Gva> operand, CompletionMachine& machine)
        : form_(form), system_(system), operand_(operand), machine_(machine), registers_(general) {}

    std::optional<GeneralRegisters> run() {
        if (form_.lock && !writes_memory())
            return std::nullopt;  // #UD
        const bool done = form_.two_byte ? two_byte() : form_.opcode == 0x9b && wait();
        return done ? std::optional(registers_) : std::nullopt;
    }

  private:
    // CMPXCHG16B alone may be locked.
    bool writes_memory() const { return form_.two_byte && form_.opcode == 0xc7; }

    bool two_byte() {
        switch (form_.opcode) {
            case 0x01:
                return set_alignment_check();
            case 0xb8:
                return form_.repeat && count_bits();
            case 0xc7:
                return form_.wide() && form_.reg_digit() == 1 && operand_ && compare_exchange();
            case 0x1e:
                return form_.repeat && form_.register_operand() && form_.reg_digit() == 1 &&
                       (system_.cr4 & cr4::kCet) == 0;
            default:
                return false;
        }
    }

    // Its only effect is a fault, for a pending exception or if the FPU belongs to another task.
    bool wait() {
        constexpr std::uint16_t kErrorSummary = 0x80;
        constexpr std::uint64_t kNotAvailable = cr0::kMp | cr0::kTs;
        const auto status = machine_.x87_status();
        return status && (*status & kErrorSummary) == 0 && (system_.cr0 & kNotAvailable) != kNotAvailable;
    }

    // CLAC and STAC exist if CPUID announces SMAP, whether or not CR4 enables it. With a prefix that could
    // select another instruction they raise #UD ("NP" in SDM volume 2, 3.1.1.1).
    bool set_alignment_check() {
        constexpr std::uint8_t kClac = 0xca, kStac = 0xcb;
        const bool is_one = form_.modrm == kClac || form_.modrm == kStac;
        if (!is_one || form_.operand_size || form_.repeat)
            return false;
        if ((system_.cr4 & cr4::kSmap) == 0 && !machine_.has_smap())
            return false;
        registers_.rflags &= ~rflags::kAc;
        if (form_.modrm == kStac)
            registers_.rflags |= rflags::kAc;
        return true;
    }

    bool count_bits() {
        const unsigned size = form_.size();
        std::optional<std::uint64_t> source;
        if (form_.register_operand())
            source = truncate(numbered(registers_, form_.rm()), size);
        else if (operand_)
            source = machine_.read(*operand_, size);
        if (!source)
            return false;
        const auto count = static_cast<std::uint64_t>(std::popcount(*source));
        auto& target = numbered(registers_, form_.reg());
        target = size == 2 ? (target & ~std::uint64_t{0xffff}) | count : count;
        registers_.rflags &= ~kArithmeticFlags;
        if (*source == 0)
            registers_.rflags |= rflags::kZf;
        return true;
    }

    bool compare_exchange() {
        if (operand_->value % 16 != 0)
            return false;  // #GP
        CompletionMachine::Pair found{registers_.rax, registers_.rdx};
        const auto equal = machine_.compare_exchange(*operand_, found, {registers_.rbx, registers_.rcx});
        if (!equal)
            return false;
        registers_.rflags = *equal ? registers_.rflags | rflags::kZf : registers_.rflags & ~rflags::kZf;
        registers_.rax = found.low;
        registers_.rdx = found.high;
        return true;
    }

    const Form& form_;
    const SystemRegisters& system_;
    std::optional<Gva> operand_;
    CompletionMachine& machine_;
    GeneralRegisters registers_;
};

}  // namespace

std::optional<GeneralRegisters> complete(const Decoder& decoder, std::span<const std::byte> bytes,
                                         const GeneralRegisters& general, const SystemRegisters& system,
                                         CompletionMachine& machine) {
    if (cpu_mode(general, system) != CpuMode::Long64)
        return std::nullopt;
    const Form form = parse(bytes);
    std::optional<Gva> operand;
    std::uint8_t length = form.length;
    if (form.two_byte && !form.register_operand()) {
        CpuState state;
        state.general = general;
        state.system = system;
        const auto accesses = decoder.memory_accesses(bytes, state);
        if (!accesses || accesses->list().size() != 1)
            return std::nullopt;
        operand = accesses->list()[0].gva;
        length = accesses->instruction_length();
    }
    auto after = Completion(form, general, system, operand, machine).run();
    if (after)
        after->rip += length;
    return after;
}

}  // namespace ringside::x86
