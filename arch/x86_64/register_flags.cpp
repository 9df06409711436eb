#include "arch/x86_64/register_flags.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>

namespace ringside::x86 {

namespace {

constexpr FlagField bit(std::string_view name, std::uint8_t n) {
    return {name, n, n};
}

// SDM volume 1, 3.4.3. gdb does not show a field without a name: bit 1 is always set.
constexpr std::array kEflags{bit("CF", 0),
                             bit("", 1),
                             bit("PF", 2),
                             bit("AF", 4),
                             bit("ZF", 6),
                             bit("SF", 7),
                             bit("TF", 8),
                             bit("IF", 9),
                             bit("DF", 10),
                             bit("OF", 11),
                             FlagField{"IOPL", 12, 13},
                             bit("NT", 14),
                             bit("RF", 16),
                             bit("VM", 17),
                             bit("AC", 18),
                             bit("VIF", 19),
                             bit("VIP", 20),
                             bit("ID", 21)};

// SDM volume 3, 2.5.
constexpr std::array kCr0{bit("PE", 0),  bit("MP", 1),  bit("EM", 2),  bit("TS", 3),
                          bit("ET", 4),  bit("NE", 5),  bit("WP", 16), bit("AM", 18),
                          bit("NW", 29), bit("CD", 30), bit("PG", 31)};
constexpr std::array kCr3{bit("PWT", 3), bit("PCD", 4), FlagField{"PDBR", 12, 63}};
constexpr std::array kCr4{bit("VME", 0),    bit("PVI", 1),      bit("TSD", 2),         bit("DE", 3),
                          bit("PSE", 4),    bit("PAE", 5),      bit("MCE", 6),         bit("PGE", 7),
                          bit("PCE", 8),    bit("OSFXSR", 9),   bit("OSXMMEXCPT", 10), bit("UMIP", 11),
                          bit("LA57", 12),  bit("VMXE", 13),    bit("SMXE", 14),       bit("FSGSBASE", 16),
                          bit("PCIDE", 17), bit("OSXSAVE", 18), bit("KL", 19),         bit("SMEP", 20),
                          bit("SMAP", 21),  bit("PKE", 22),     bit("CET", 23),        bit("PKS", 24)};
constexpr std::array kXcr0{bit("x87", 0),    bit("SSE", 1),      bit("AVX", 2),       bit("BNDREGS", 3),
                           bit("BNDCSR", 4), bit("opmask", 5),   bit("ZMM_Hi256", 6), bit("Hi16_ZMM", 7),
                           bit("PKRU", 9),   bit("TILECFG", 17), bit("TILEDATA", 18)};

// SDM volume 3, 2.2.1, with AMD's bits (APM volume 2, 3.1.7).
constexpr std::array kEfer{bit("SCE", 0),   bit("LME", 8),    bit("LMA", 10),   bit("NXE", 11),
                           bit("SVME", 12), bit("LMSLE", 13), bit("FFXSR", 14), bit("TCE", 15)};

// SDM volume 3, 17.2.3 and 17.2.4. BLD and RTM are active low.
constexpr std::array kDr6{bit("B0", 0),  bit("B1", 1),  bit("B2", 2),  bit("B3", 3),  bit("BLD", 11),
                          bit("BD", 13), bit("BS", 14), bit("BT", 15), bit("RTM", 16)};
constexpr std::array kDr7{bit("L0", 0),
                          bit("G0", 1),
                          bit("L1", 2),
                          bit("G1", 3),
                          bit("L2", 4),
                          bit("G2", 5),
                          bit("L3", 6),
                          bit("G3", 7),
                          bit("LE", 8),
                          bit("GE", 9),
                          bit("", 10),
                          bit("RTM", 11),
                          bit("GD", 13),
                          FlagField{"RW0", 16, 17},
                          FlagField{"LEN0", 18, 19},
                          FlagField{"RW1", 20, 21},
                          FlagField{"LEN1", 22, 23},
                          FlagField{"RW2", 24, 25},
                          FlagField{"LEN2", 26, 27},
                          FlagField{"RW3", 28, 29},
                          FlagField{"LEN3", 30, 31}};

// SDM volume 1, 10.2.3.
constexpr std::array kMxcsr{bit("IE", 0),  bit("DE", 1),
                            bit("ZE", 2),  bit("OE", 3),
                            bit("UE", 4),  bit("PE", 5),
                            bit("DAZ", 6), bit("IM", 7),
                            bit("DM", 8),  bit("ZM", 9),
                            bit("OM", 10), bit("UM", 11),
                            bit("PM", 12), FlagField{"RC", 13, 14},
                            bit("FZ", 15)};

// SDM volume 4, IA32_APIC_BASE and IA32_MISC_ENABLE.
constexpr std::array kApicBase{bit("BSP", 8), bit("EXTD", 10), bit("EN", 11), FlagField{"BASE", 12, 51}};
constexpr std::array kMiscEnable{bit("FAST_STRINGS", 0), bit("TCC", 3),           bit("PERFMON", 7),
                                 bit("BTS_UNAVAIL", 11), bit("PEBS_UNAVAIL", 12), bit("EIST", 16),
                                 bit("MWAIT", 18),       bit("LIMIT_CPUID", 22),  bit("XTPR_DISABLE", 23),
                                 bit("XD_DISABLE", 34)};

// RegisterInfo's packed segment attributes (SDM volume 3, table 25-2).
constexpr std::array kAttributes{FlagField{"type", 0, 3}, bit("S", 4),  FlagField{"DPL", 5, 6}, bit("P", 7),
                                 bit("AVL", 12),          bit("L", 13), bit("DB", 14),          bit("G", 15),
                                 bit("unusable", 16)};

constexpr std::array kTypes{
    FlagsType{"i386_eflags", 4, kEflags},
    FlagsType{"x86_cr0", 8, kCr0},
    FlagsType{"x86_cr3", 8, kCr3},
    FlagsType{"x86_cr4", 8, kCr4},
    FlagsType{"x86_xcr0", 8, kXcr0},
    FlagsType{"x86_efer", 8, kEfer},
    FlagsType{"x86_dr6", 8, kDr6},
    FlagsType{"x86_dr7", 8, kDr7},
    FlagsType{"i386_mxcsr", 4, kMxcsr},
    FlagsType{"x86_apic_base", 8, kApicBase},
    FlagsType{"x86_misc_enable", 8, kMiscEnable},
    FlagsType{"x86_segment_attributes", 4, kAttributes},
};

}  // namespace

std::span<const FlagsType> flags_types() {
    return kTypes;
}

const FlagsType* find_flags_type(std::string_view id) {
    const auto* found =
        std::find_if(kTypes.begin(), kTypes.end(), [&](const auto& type) { return type.id == id; });
    return found == kTypes.end() ? nullptr : found;
}

std::string format_flags(const FlagsType& type, std::uint64_t value) {
    std::string text;
    for (std::size_t i = type.fields.size(); i-- > 0;) {
        const FlagField& field = type.fields[i];
        const unsigned width = field.last - field.first + 1u;
        const std::uint64_t mask = width == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << width) - 1;
        const std::uint64_t part = (value >> field.first) & mask;
        if (part == 0 || field.name.empty())
            continue;
        if (!text.empty())
            text += ' ';
        text += field.name;
        if (width > 1)
            fmt::format_to(std::back_inserter(text), "={:x}", part);
    }
    return text;
}

}  // namespace ringside::x86
