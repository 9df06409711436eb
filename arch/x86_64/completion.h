// Completes in software the instructions that a hypervisor's instruction emulator may not implement. A
// hypervisor that emulates ring 0 relies on such an emulator, which knows fewer instructions than a
// processor.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "arch/x86_64/address.h"
#include "arch/x86_64/cpu_state.h"
#include "arch/x86_64/decode.h"

namespace ringside::x86 {

// The machine around the registers. Memory is accessed by linear address, with the access rights of the
// instruction that is being completed.
class CompletionMachine {
  public:
    virtual ~CompletionMachine() = default;
    // Reads a little-endian number of 2, 4 or 8 bytes. Returns nullopt if the instruction could not read it.
    virtual std::optional<std::uint64_t> read(Gva address, unsigned size) = 0;
    // LOCK CMPXCHG16B at a multiple of 16: sets `expected` to the old value. Returns true if the old value
    // was equal and `desired` has replaced it, nullopt if the instruction could not write the memory.
    struct Pair {
        std::uint64_t low = 0, high = 0;
        friend bool operator==(const Pair&, const Pair&) = default;
    };
    virtual std::optional<bool> compare_exchange(Gva address, Pair& expected, Pair desired) = 0;
    // The x87 status word, or nullopt if it is not known.
    virtual std::optional<std::uint16_t> x87_status() = 0;
    // Returns true if CPUID announces SMAP.
    virtual bool has_smap() = 0;
};

// Returns the registers after the instruction at CS:RIP, whose bytes are `bytes`. Completes POPCNT,
// CMPXCHG16B, FWAIT, CLAC, STAC and, if shadow stacks are off, RDSSP. Returns nullopt for any other
// instruction and for one that would fault.
std::optional<GeneralRegisters> complete(const Decoder& decoder, std::span<const std::byte> bytes,
                                         const GeneralRegisters& general, const SystemRegisters& system,
                                         CompletionMachine& machine);

}  // namespace ringside::x86
