#include "arch/x86_64/cpu_mode.h"

#include "arch/x86_64/control_bits.h"

namespace ringside::x86 {

CpuMode cpu_mode(const GeneralRegisters& general, const SystemRegisters& system) {
    if ((system.cr0 & cr0::kPe) == 0)
        return CpuMode::Real;
    if ((system.efer & efer::kLma) != 0) {
        if (system.cs.l != 0)
            return CpuMode::Long64;
        return system.cs.db != 0 ? CpuMode::Compatibility32 : CpuMode::Compatibility16;
    }
    if ((general.rflags & rflags::kVm) != 0)
        return CpuMode::Virtual8086;
    return system.cs.db != 0 ? CpuMode::Protected32 : CpuMode::Protected16;
}

std::string_view name(CpuMode mode) {
    switch (mode) {
        case CpuMode::Real:
            return "real mode";
        case CpuMode::Virtual8086:
            return "virtual-8086 mode";
        case CpuMode::Protected16:
            return "16-bit protected mode";
        case CpuMode::Protected32:
            return "32-bit protected mode";
        case CpuMode::Compatibility16:
            return "16-bit compatibility mode";
        case CpuMode::Compatibility32:
            return "32-bit compatibility mode";
        case CpuMode::Long64:
            return "64-bit mode";
    }
    return "unknown mode";
}

unsigned default_address_size(CpuMode mode) {
    switch (mode) {
        case CpuMode::Long64:
            return 8;
        case CpuMode::Protected32:
        case CpuMode::Compatibility32:
            return 4;
        default:
            return 2;
    }
}

unsigned default_operand_size(CpuMode mode) {
    return default_address_size(mode) == 2 ? 2 : 4;
}

bool is_long_mode(CpuMode mode) {
    return mode == CpuMode::Long64 || mode == CpuMode::Compatibility32 || mode == CpuMode::Compatibility16;
}

unsigned privilege_level(const GeneralRegisters& general, const SystemRegisters& system) {
    switch (cpu_mode(general, system)) {
        case CpuMode::Real:
            return 0;
        case CpuMode::Virtual8086:
            return 3;
        default:
            return system.ss.dpl;
    }
}

const Segment& segment(const SystemRegisters& system, SegmentName segment_name) {
    switch (segment_name) {
        case SegmentName::Es:
            return system.es;
        case SegmentName::Cs:
            return system.cs;
        case SegmentName::Ss:
            return system.ss;
        case SegmentName::Fs:
            return system.fs;
        case SegmentName::Gs:
            return system.gs;
        case SegmentName::Ds:
            break;
    }
    return system.ds;
}

Gva linear_address(CpuMode mode, const SystemRegisters& system, SegmentName segment_name,
                   std::uint64_t offset) {
    const std::uint64_t base = segment(system, segment_name).base;
    if (mode != CpuMode::Long64)
        return Gva{truncate(base + offset, 4)};
    const bool has_base = segment_name == SegmentName::Fs || segment_name == SegmentName::Gs;
    return Gva{has_base ? base + offset : offset};
}

Gva linear_pc(const GeneralRegisters& general, const SystemRegisters& system) {
    return linear_address(cpu_mode(general, system), system, SegmentName::Cs, general.rip);
}

unsigned stack_address_size(CpuMode mode, const SystemRegisters& system) {
    if (mode == CpuMode::Long64)
        return 8;
    return system.ss.db != 0 ? 4 : 2;
}

Gva linear_sp(const GeneralRegisters& general, const SystemRegisters& system) {
    const CpuMode mode = cpu_mode(general, system);
    const std::uint64_t offset = truncate(general.rsp, stack_address_size(mode, system));
    return linear_address(mode, system, SegmentName::Ss, offset);
}

}  // namespace ringside::x86
