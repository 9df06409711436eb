// Instruction decoding in 16, 32 and 64-bit mode: disassembly, and the memory that an instruction is about to
// access.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "arch/x86_64/address.h"
#include "arch/x86_64/cpu_mode.h"
#include "arch/x86_64/cpu_state.h"

namespace ringside::x86 {

inline constexpr std::size_t kMaxInstructionLength = 15;  // SDM volume 2, 2.3.11

// The instructions that cause an exit to a hypervisor and that name what they access.
enum class InstructionKind : std::uint8_t {
    Other,
    Port,  // IN, OUT, INS, OUTS
    Rdmsr,
    Wrmsr,
    Hlt,
};

struct Disassembly {
    std::string text;         // Intel syntax: "mov eax, dword ptr [rbx + 8]"
    std::uint8_t length = 0;  // in bytes
    InstructionKind kind = InstructionKind::Other;
    std::uint8_t port_bytes = 0;      // of one access, for InstructionKind::Port
    bool has_memory_operand = false;  // one that is written out, as in the example
};

// One range of memory that an instruction reads or writes, as linear addresses.
struct MemoryAccess {
    Gva gva;
    std::uint64_t size = 0;  // in bytes
    bool read = false;
    bool write = false;
    friend bool operator==(const MemoryAccess&, const MemoryAccess&) = default;
};

// The memory that an instruction accesses. `complete` is false if there may be more than is listed: gathers, scatters,
// XSAVE areas, ENTER with a nesting level, and what interrupts and far transfers push. Page tables,
// descriptor tables and the instruction itself never count.
class MemoryAccesses {
  public:
    std::span<const MemoryAccess> list() const { return std::span(list_).first(count_); }
    bool complete() const { return complete_; }
    std::uint8_t instruction_length() const { return instruction_length_; }

    explicit MemoryAccesses(std::uint8_t instruction_length) : instruction_length_(instruction_length) {}
    void add(MemoryAccess access);  // a fifth would make the list incomplete; no instruction has one
    void set_incomplete() { complete_ = false; }

  private:
    std::array<MemoryAccess, 4> list_{};
    std::size_t count_ = 0;
    bool complete_ = true;
    std::uint8_t instruction_length_ = 0;
};

// How many iterations of a string instruction with a REP prefix to take into account. Under single-step
// hardware traps after each iteration; an instruction emulator may run through many.
enum class RepeatScope : std::uint8_t { OneIteration, AllIterations };

// Capstone, with one engine for each code width. Not thread-safe: each thread needs its own decoder.
class Decoder {
  public:
    // Throws std::runtime_error if Capstone cannot be set up (a build of it without x86).
    Decoder();
    ~Decoder();
    Decoder(Decoder&&) noexcept;
    Decoder& operator=(Decoder&&) noexcept;

    // Decodes the instruction at the start of `bytes`. `address` is their address, for branch targets.
    // Returns nullopt unless they begin with a complete, valid instruction.
    std::optional<Disassembly> disassemble(std::span<const std::byte> bytes, Gva address, CpuMode mode) const;

    // Returns the memory that the instruction at CS:RIP, whose bytes are `bytes`, accesses when it runs in
    // `state`; nullopt as for the function above. With all iterations of REP counted, SCAS and CMPS may stop
    // before the end of the range.
    std::optional<MemoryAccesses> memory_accesses(std::span<const std::byte> bytes, const CpuState& state,
                                                  RepeatScope scope = RepeatScope::OneIteration) const;

  private:
    class Engine;
    const Engine& engine(CpuMode mode) const;
    std::array<std::unique_ptr<Engine>, 3> engines_;  // 16, 32, 64-bit
};

}  // namespace ringside::x86
