// The mode in which a logical processor runs its code, and its consequences: operand sizes and how an
// offset becomes a linear address (SDM volume 3, 2.2 and 3.2-3.4; volume 1, 3.3.4).
#pragma once

#include <cstdint>
#include <string_view>

#include "arch/x86_64/address.h"
#include "arch/x86_64/cpu_state.h"

namespace ringside::x86 {

enum class CpuMode : std::uint8_t {
    Real,
    Virtual8086,
    Protected16,
    Protected32,
    Compatibility16,
    Compatibility32,
    Long64
};

// CR0.PE, EFER.LMA, RFLAGS.VM and CS.L/CS.D decide, in that order. Real mode includes "big real mode" and the
// few instructions after CR0.PE is cleared.
CpuMode cpu_mode(const GeneralRegisters& general, const SystemRegisters& system);
inline CpuMode cpu_mode(const CpuState& state) {
    return cpu_mode(state.general, state.system);
}

// "real mode", "32-bit protected mode", "64-bit mode", ...
std::string_view name(CpuMode mode);

// The size in bytes (2, 4 or 8) of addresses, and of operands without a size prefix (2 or 4: 64-bit mode's
// default operand is 4 bytes, except for stack and near-branch instructions).
unsigned default_address_size(CpuMode mode);
unsigned default_operand_size(CpuMode mode);

// EFER.LMA: 64-bit mode or one of its compatibility modes.
bool is_long_mode(CpuMode mode);

// The privilege level: 0 in real mode, 3 in virtual-8086 mode, otherwise SS.DPL (SDM volume 3, 5.5; VMX and SVM
// keep the CPL there too).
unsigned privilege_level(const GeneralRegisters& general, const SystemRegisters& system);

enum class SegmentName : std::uint8_t { Es, Cs, Ss, Ds, Fs, Gs };  // in the order of their encoding

const Segment& segment(const SystemRegisters& system, SegmentName segment_name);

// The linear address of segment:offset. 64-bit mode ignores every base but that of FS and GS; elsewhere the
// sum wraps at 4 GiB. Limits are not checked: a debugger shows what is there.
Gva linear_address(CpuMode mode, const SystemRegisters& system, SegmentName segment_name,
                   std::uint64_t offset);

// The linear address of the next instruction (CS:RIP) and of the top of the stack (SS:RSP). The stack pointer
// is 16 bits wide where SS.B is clear outside 64-bit mode.
Gva linear_pc(const GeneralRegisters& general, const SystemRegisters& system);
Gva linear_sp(const GeneralRegisters& general, const SystemRegisters& system);
inline Gva linear_pc(const CpuState& state) {
    return linear_pc(state.general, state.system);
}

// SS:RSP's width in bytes (SDM volume 1, 6.2.3).
unsigned stack_address_size(CpuMode mode, const SystemRegisters& system);

// `value` cut down to the low `bytes` (1, 2, 4 or 8).
constexpr std::uint64_t truncate(std::uint64_t value, unsigned bytes) {
    return bytes >= 8 ? value : value & ((std::uint64_t{1} << (8 * bytes)) - 1);
}

}  // namespace ringside::x86
