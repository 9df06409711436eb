// The architectural state of one logical processor, as plain values. Each class below is what a hypervisor
// fetches or stores in one operation, so a caller can load just the classes that it needs.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace ringside::x86 {

// General-purpose registers, instruction pointer and RFLAGS (SDM volume 1, 3.4).
struct GeneralRegisters {
    std::uint64_t rax = 0, rbx = 0, rcx = 0, rdx = 0, rsi = 0, rdi = 0, rbp = 0, rsp = 0;
    std::uint64_t r8 = 0, r9 = 0, r10 = 0, r11 = 0, r12 = 0, r13 = 0, r14 = 0, r15 = 0;
    std::uint64_t rip = 0;
    std::uint64_t rflags = 2;  // bit 1 is always set
    friend bool operator==(const GeneralRegisters&, const GeneralRegisters&) = default;
};

// A segment register with its hidden part (SDM volume 3, 3.4.3 and 3.4.5). `limit` is in bytes, granularity
// already applied. The flags are 0 or 1.
struct Segment {
    std::uint64_t base = 0;
    std::uint32_t limit = 0;
    std::uint16_t selector = 0;
    std::uint8_t type = 0, s = 0, dpl = 0, present = 0, avl = 0, l = 0, db = 0, g = 0, unusable = 0;
    friend bool operator==(const Segment&, const Segment&) = default;
};

// GDTR or IDTR (SDM volume 3, 2.4): linear base, and limit in bytes (size - 1).
struct DescriptorTable {
    std::uint64_t base = 0;
    std::uint16_t limit = 0;
    friend bool operator==(const DescriptorTable&, const DescriptorTable&) = default;
};

// A hypervisor is L1, its guest is L2. An ordinary guest is L1.
enum class GuestLevel : std::uint8_t { L1, L2 };

// The registers that say how addresses are translated.
struct PagingRegisters {
    std::uint64_t cr0 = 0, cr3 = 0, cr4 = 0, efer = 0;
    friend bool operator==(const PagingRegisters&, const PagingRegisters&) = default;
};

// A processor's state for L2: from the current VMCS, or from the VMCB in use.
struct InnerGuest {
    enum class Tables : std::uint8_t {
        None,     // L2's physical addresses are L1's
        Ept,      // SDM volume 3, 29.3
        Nested,   // APM volume 2, 15.25
        Unknown,  // L2's addresses cannot be translated
    };
    bool known = false;    // there is an L2; otherwise the members below have no meaning
    bool running = false;  // the processor's registers are L2's
    Tables tables = Tables::None;
    std::uint64_t root = 0;     // EPTP or nested CR3
    std::uint64_t control = 0;  // the guest-physical address of the VMCS or VMCB
    PagingRegisters other;      // L1's if L2 is running, otherwise L2's
    friend bool operator==(const InnerGuest&, const InnerGuest&) = default;
};

// Segments, descriptor tables, control registers, EFER and the APIC base (SDM volume 3, chapter 2).
struct SystemRegisters {
    Segment cs, ds, es, fs, gs, ss, tr, ldtr;
    DescriptorTable gdtr, idtr;
    std::uint64_t cr0 = 0, cr2 = 0, cr3 = 0, cr4 = 0, cr8 = 0;
    std::uint64_t efer = 0;
    std::uint64_t apic_base = 0;
    InnerGuest inner;
    friend bool operator==(const SystemRegisters&, const SystemRegisters&) = default;
};

// The debug registers (SDM volume 3, 17.2).
struct DebugRegisters {
    std::array<std::uint64_t, 4> dr{};
    std::uint64_t dr6 = 0xffff0ff0;
    std::uint64_t dr7 = 0x400;
    friend bool operator==(const DebugRegisters&, const DebugRegisters&) = default;
};

// x87, SSE, AVX, AVX-512 and PKRU (SDM volume 1, chapters 8, 10, 13 to 15), independent of the XSAVE layout.
struct ExtendedState {
    std::array<std::array<std::uint8_t, 10>, 8> st{};  // 80-bit values, st(0) first
    std::uint16_t fcw = 0x37f, fsw = 0, fop = 0;
    std::uint16_t ftw = 0xffff;      // full 2-bit tags, as FSTENV stores them
    std::uint64_t fip = 0, fdp = 0;  // where FXSAVE has 16-bit selectors, they are bits 32-47
    std::uint32_t mxcsr = 0x1f80;
    std::array<std::array<std::uint8_t, 64>, 32> zmm{};  // xmm and ymm are its low 16 and 32 bytes
    std::array<std::uint64_t, 8> k{};
    std::uint32_t pkru = 0;
    friend bool operator==(const ExtendedState&, const ExtendedState&) = default;
};

// Model-specific registers that a debugger shows (SDM volume 4).
struct ModelSpecificRegisters {
    std::uint64_t kernel_gs_base = 0, star = 0, lstar = 0, cstar = 0, fmask = 0;
    std::uint64_t sysenter_cs = 0, sysenter_esp = 0, sysenter_eip = 0;
    std::uint64_t tsc = 0, misc_enable = 0, pat = 0;
    friend bool operator==(const ModelSpecificRegisters&, const ModelSpecificRegisters&) = default;
};

// Everything at once. XCR0 is a separate class because it is fetched by a separate operation.
struct CpuState {
    GeneralRegisters general;
    SystemRegisters system;
    ExtendedState extended;
    DebugRegisters debug;
    ModelSpecificRegisters msrs;
    std::uint64_t xcr0 = 0;
    friend bool operator==(const CpuState&, const CpuState&) = default;
};

// Which member of CpuState a register lives in: the unit of fetching and storing.
enum class RegisterClass : std::uint8_t { General, System, Extended, Debug, Msrs, Xcr0 };

}  // namespace ringside::x86
