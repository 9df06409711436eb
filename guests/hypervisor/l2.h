// The inner guest (L2): what it does, and where it finds itself.
#pragma once

#include <stdint.h>

namespace hypervisor {

// L2's virtual addresses, the physical ones that its page tables give them, and nothing of either is where L1's are.
inline constexpr uint64_t kL2Virtual = 0x40000000;
inline constexpr uint64_t kL2Code = 0x10000;
inline constexpr uint64_t kL2Stack = 0x20000;
inline constexpr uint64_t kL2LatePage = 0x30000;  // L1 maps it when L2 first touches it
inline constexpr uint64_t kL2StackTop = kL2Virtual + (kL2Stack - kL2Code) + 0x1000;
inline constexpr uint64_t kL2LateVirtual = kL2Virtual + (kL2LatePage - kL2Code);

inline constexpr uint16_t kL2Port = 0x80;

// The hypercall that L2 ends a round with, which differs between Intel's and AMD's processors.
enum class Processor : uint64_t { Vmx, Svm };

// Never returns: L1 stops running it.
extern "C" [[noreturn]] void l2_main(Processor processor);

}  // namespace hypervisor
