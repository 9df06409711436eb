// Executes one instruction on the processor that runs the tests: what is right, if anybody asks.
#pragma once

#include <cstddef>
#include <span>

#include "arch/x86_64/cpu_state.h"

namespace ringside::x86 {

class NativeInstruction {
  public:
    NativeInstruction();
    ~NativeInstruction();
    NativeInstruction(const NativeInstruction&) = delete;
    NativeInstruction& operator=(const NativeInstruction&) = delete;

    // Where it is executed.
    std::uint64_t address() const;
    // 64-bit code that runs on to its end, touches only memory that the test owns, and leaves TF, DF and AC alone. RSP may
    // be anything. Returns the registers afterwards; RIP is not among them.
    GeneralRegisters run(std::span<const std::byte> bytes, const GeneralRegisters& general);

  private:
    std::byte* page_;
};

}  // namespace ringside::x86
