// Instructions that an instruction emulator may leave undone, done in software: a hypervisor that emulates
// ring 0 has such an emulator, and it knows less than a processor does.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "arch/x86_64/address.h"
#include "arch/x86_64/cpu_state.h"
#include "arch/x86_64/decode.h"

namespace ringside::x86 {

// The machine around the registers. Memory goes by linear address, with the rights of the instruction that is
// being completed.
class CompletionMachine {
  public:
    virtual ~CompletionMachine() = default;
    // A little-endian number of 2, 4 or 8 bytes; nothing if it cannot be read as the instruction would.
    virtual std::optional<std::uint64_t> read(Gva address, unsigned size) = 0;
    // LOCK CMPXCHG16B at a multiple of 16: `expected` becomes what was there. Whether it was equal and
    // `desired` now stands there; nothing if the memory cannot be written as the instruction would.
    struct Pair {
        std::uint64_t low = 0, high = 0;
        friend bool operator==(const Pair&, const Pair&) = default;
    };
    virtual std::optional<bool> compare_exchange(Gva address, Pair& expected, Pair desired) = 0;
    // The x87 status word; nothing if it is not known.
    virtual std::optional<std::uint16_t> x87_status() = 0;
    // Whether CPUID announces SMAP.
    virtual bool has_smap() = 0;
};

// The registers after the instruction at CS:RIP, whose bytes these are: POPCNT, CMPXCHG16B, FWAIT,
// CLAC, STAC and, where shadow stacks are off, RDSSP. Nothing for any other, and for one that would fault.
std::optional<GeneralRegisters> complete(const Decoder& decoder, std::span<const std::byte> bytes,
                                         const GeneralRegisters& general, const SystemRegisters& system,
                                         CompletionMachine& machine);

}  // namespace ringside::x86
