// `monitor registers`: the processor's state as text for people.
#include <fmt/format.h>

#include <array>
#include <iterator>

#include "arch/x86_64/cpu_mode.h"
#include "arch/x86_64/descriptors.h"
#include "arch/x86_64/register_flags.h"
#include "arch/x86_64/registers.h"

namespace ringside::x86 {

namespace {

using Out = std::back_insert_iterator<std::string>;

std::string flags(std::string_view type, std::uint64_t value) {
    return format_flags(*find_flags_type(type), value);
}

void dump_general(Out out, const GeneralRegisters& r) {
    const std::array<std::pair<const char*, std::uint64_t>, 16> values{{{"rax", r.rax},
                                                                        {"rbx", r.rbx},
                                                                        {"rcx", r.rcx},
                                                                        {"rdx", r.rdx},
                                                                        {"rsi", r.rsi},
                                                                        {"rdi", r.rdi},
                                                                        {"rbp", r.rbp},
                                                                        {"rsp", r.rsp},
                                                                        {"r8", r.r8},
                                                                        {"r9", r.r9},
                                                                        {"r10", r.r10},
                                                                        {"r11", r.r11},
                                                                        {"r12", r.r12},
                                                                        {"r13", r.r13},
                                                                        {"r14", r.r14},
                                                                        {"r15", r.r15}}};
    for (std::size_t i = 0; i < values.size(); ++i)
        fmt::format_to(out, "{:<3} {:016x}{}", values[i].first, values[i].second, i % 4 == 3 ? "\n" : "  ");
    fmt::format_to(out, "rip {:016x}  rflags {:08x} [{}]\n", r.rip, r.rflags, flags("i386_eflags", r.rflags));
}

// "64-bit code, read", "32-bit data, write", "busy TSS", ...: SDM volume 3, 3.4.5.1 and 3.5.
std::string segment_kind(const Segment& segment) {
    if (segment.unusable != 0 || segment.present == 0)
        return "unusable";
    const unsigned width = segment.l != 0 ? 64 : segment.db != 0 ? 32 : 16;
    if (segment.s != 0 && (segment.type & descriptor_type::kCode) != 0)
        return fmt::format("{}-bit code{}{}", width, (segment.type & 2) != 0 ? ", readable" : "",
                           (segment.type & 4) != 0 ? ", conforming" : "");
    if (segment.s != 0)
        return fmt::format("{}-bit data{}{}", segment.db != 0 ? 32 : 16,
                           (segment.type & 2) != 0 ? ", writable" : "",
                           (segment.type & 4) != 0 ? ", expand-down" : "");
    switch (segment.type) {
        case 1:
            return "16-bit TSS";
        case 2:
            return "LDT";
        case 3:
            return "16-bit TSS, busy";
        case 9:
            return "TSS";
        case 11:
            return "TSS, busy";
        default:
            return fmt::format("system type {}", segment.type);
    }
}

void dump_segments(Out out, const SystemRegisters& s) {
    const std::array<std::pair<const char*, const Segment*>, 8> segments{{{"cs", &s.cs},
                                                                          {"ss", &s.ss},
                                                                          {"ds", &s.ds},
                                                                          {"es", &s.es},
                                                                          {"fs", &s.fs},
                                                                          {"gs", &s.gs},
                                                                          {"tr", &s.tr},
                                                                          {"ldt", &s.ldtr}}};
    for (const auto& [label, segment] : segments)
        fmt::format_to(out, "{:<3} {:04x}  base {:016x}  limit {:08x}  dpl {}  {}\n", label,
                       segment->selector, segment->base, segment->limit, segment->dpl,
                       segment_kind(*segment));
    fmt::format_to(out, "gdt       base {:016x}  limit {:08x}\n", s.gdtr.base, s.gdtr.limit);
    fmt::format_to(out, "idt       base {:016x}  limit {:08x}\n", s.idtr.base, s.idtr.limit);
}

void dump_control(Out out, const CpuState& state) {
    const SystemRegisters& s = state.system;
    fmt::format_to(out, "cr0 {:016x} [{}]\n", s.cr0, flags("x86_cr0", s.cr0));
    fmt::format_to(out, "cr2 {:016x}\n", s.cr2);
    fmt::format_to(out, "cr3 {:016x}\n", s.cr3);
    fmt::format_to(out, "cr4 {:016x} [{}]\n", s.cr4, flags("x86_cr4", s.cr4));
    fmt::format_to(out, "cr8 {:016x}\n", s.cr8);
    fmt::format_to(out, "efer {:016x} [{}]\n", s.efer, flags("x86_efer", s.efer));
    fmt::format_to(out, "xcr0 {:016x} [{}]\n", state.xcr0, flags("x86_xcr0", state.xcr0));
    fmt::format_to(out, "apic_base {:016x} [{}]\n", s.apic_base, flags("x86_apic_base", s.apic_base));
    const DebugRegisters& d = state.debug;
    for (std::size_t i = 0; i < d.dr.size(); ++i)
        fmt::format_to(out, "dr{} {:016x}{}", i, d.dr[i], i == 3 ? "\n" : "  ");
    fmt::format_to(out, "dr6 {:016x} [{}]\n", d.dr6, flags("x86_dr6", d.dr6));
    fmt::format_to(out, "dr7 {:016x} [{}]\n", d.dr7, flags("x86_dr7", d.dr7));
}

void dump_msrs(Out out, const ModelSpecificRegisters& m) {
    const std::array<std::pair<const char*, std::uint64_t>, 11> values{{{"kernel_gs_base", m.kernel_gs_base},
                                                                        {"star", m.star},
                                                                        {"lstar", m.lstar},
                                                                        {"cstar", m.cstar},
                                                                        {"fmask", m.fmask},
                                                                        {"sysenter_cs", m.sysenter_cs},
                                                                        {"sysenter_esp", m.sysenter_esp},
                                                                        {"sysenter_eip", m.sysenter_eip},
                                                                        {"tsc", m.tsc},
                                                                        {"misc_enable", m.misc_enable},
                                                                        {"pat", m.pat}}};
    for (const auto& [label, value] : values)
        fmt::format_to(out, "{:<14} {:016x}\n", label, value);
}

template <std::size_t N>
std::string hex_number(const std::array<std::uint8_t, N>& little_endian, std::size_t bytes) {
    std::string text;
    for (std::size_t i = bytes; i-- > 0;)
        fmt::format_to(std::back_inserter(text), "{:02x}", little_endian[i]);
    return text;
}

void dump_vectors(Out out, const ExtendedState& x) {
    for (std::size_t i = 0; i < x.st.size(); ++i)
        fmt::format_to(out, "st{} {}\n", i, hex_number(x.st[i], 10));
    fmt::format_to(out, "fctrl {:04x}  fstat {:04x}  ftag {:04x}  fop {:04x}  fip {:016x}  fdp {:016x}\n",
                   x.fcw, x.fsw, x.ftw, x.fop, x.fip, x.fdp);
    fmt::format_to(out, "mxcsr {:08x} [{}]  pkru {:08x}\n", x.mxcsr, flags("i386_mxcsr", x.mxcsr), x.pkru);
    for (std::size_t i = 0; i < x.zmm.size(); ++i)
        fmt::format_to(out, "zmm{:<2} {}\n", i, hex_number(x.zmm[i], 64));
    for (std::size_t i = 0; i < x.k.size(); ++i)
        fmt::format_to(out, "k{} {:016x}\n", i, x.k[i]);
}

}  // namespace

std::string format_registers(const CpuState& state, bool with_vectors) {
    std::string text;
    const Out out(text);
    fmt::format_to(out, "{}, privilege level {}, next instruction at linear 0x{:x}\n", name(cpu_mode(state)),
                   privilege_level(state.general, state.system), linear_pc(state).value);
    dump_general(out, state.general);
    dump_segments(out, state.system);
    dump_control(out, state);
    dump_msrs(out, state.msrs);
    if (with_vectors)
        dump_vectors(out, state.extended);
    return text;
}

}  // namespace ringside::x86
