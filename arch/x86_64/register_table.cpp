// The rows of the register table. Order matters: it is the order of regnos and of the g block. The first 26
// are QEMU's (general, selectors, FS and GS base), for tools that were written for its numbers.
#include <fmt/format.h>

#include <array>
#include <cstddef>

#include "arch/x86_64/registers.h"

namespace ringside::x86 {

namespace {

constexpr std::string_view kGeneralSet = "General Purpose Registers";
constexpr std::string_view kFloatSet = "Floating Point Registers";
constexpr std::string_view kVectorSet = "Vector Registers";
constexpr std::string_view kSystemSet = "System Registers";

constexpr std::size_t kGeneral = offsetof(CpuState, general);
constexpr std::size_t kSystem = offsetof(CpuState, system);
constexpr std::size_t kExtended = offsetof(CpuState, extended);
constexpr std::size_t kDebug = offsetof(CpuState, debug);
constexpr std::size_t kMsrs = offsetof(CpuState, msrs);

struct NamedOffset {
    std::string_view name;
    std::size_t offset;
};

// A segment register: its selector's place in gdb's order and its hidden part.
constexpr std::array kSelectors{
    NamedOffset{"cs", kSystem + offsetof(SystemRegisters, cs)},
    NamedOffset{"ss", kSystem + offsetof(SystemRegisters, ss)},
    NamedOffset{"ds", kSystem + offsetof(SystemRegisters, ds)},
    NamedOffset{"es", kSystem + offsetof(SystemRegisters, es)},
    NamedOffset{"fs", kSystem + offsetof(SystemRegisters, fs)},
    NamedOffset{"gs", kSystem + offsetof(SystemRegisters, gs)},
};
constexpr std::array kSystemSegments{
    NamedOffset{"tr", kSystem + offsetof(SystemRegisters, tr)},
    NamedOffset{"ldtr", kSystem + offsetof(SystemRegisters, ldtr)},
};

struct GeneralRow {
    std::string_view name, name32;
    std::size_t offset;
    std::int32_t dwarf;
    std::string_view type, alt_name, generic;
    bool expedited;
};

// In gdb's order for x86-64.
constexpr std::array kGeneralRows{
    GeneralRow{"rax", "eax", offsetof(GeneralRegisters, rax), 0, "int", "", "", false},
    GeneralRow{"rbx", "ebx", offsetof(GeneralRegisters, rbx), 3, "int", "", "", false},
    GeneralRow{"rcx", "ecx", offsetof(GeneralRegisters, rcx), 2, "int", "", "arg4", false},
    GeneralRow{"rdx", "edx", offsetof(GeneralRegisters, rdx), 1, "int", "", "arg3", false},
    GeneralRow{"rsi", "esi", offsetof(GeneralRegisters, rsi), 4, "int", "", "arg2", false},
    GeneralRow{"rdi", "edi", offsetof(GeneralRegisters, rdi), 5, "int", "", "arg1", false},
    GeneralRow{"rbp", "ebp", offsetof(GeneralRegisters, rbp), 6, "data_ptr", "fp", "fp", true},
    GeneralRow{"rsp", "esp", offsetof(GeneralRegisters, rsp), 7, "data_ptr", "sp", "sp", true},
    GeneralRow{"r8", "", offsetof(GeneralRegisters, r8), 8, "int", "", "arg5", false},
    GeneralRow{"r9", "", offsetof(GeneralRegisters, r9), 9, "int", "", "arg6", false},
    GeneralRow{"r10", "", offsetof(GeneralRegisters, r10), 10, "int", "", "", false},
    GeneralRow{"r11", "", offsetof(GeneralRegisters, r11), 11, "int", "", "", false},
    GeneralRow{"r12", "", offsetof(GeneralRegisters, r12), 12, "int", "", "", false},
    GeneralRow{"r13", "", offsetof(GeneralRegisters, r13), 13, "int", "", "", false},
    GeneralRow{"r14", "", offsetof(GeneralRegisters, r14), 14, "int", "", "", false},
    GeneralRow{"r15", "", offsetof(GeneralRegisters, r15), 15, "int", "", "", false},
    GeneralRow{"rip", "eip", offsetof(GeneralRegisters, rip), 16, "code_ptr", "pc", "pc", true},
};
// gdb's order for i386 (eax ecx edx ebx esp ebp esi edi eip) as indices into kGeneralRows. The DWARF numbers
// of i386 are these positions.
constexpr std::array<std::size_t, 9> kI386Order{0, 2, 3, 1, 7, 6, 4, 5, 16};

class Table {
  public:
    Table(FeatureSet features, GdbArchitecture architecture)
        : features_(features), is_64_(architecture == GdbArchitecture::X86_64) {}

    std::vector<RegisterInfo> build() {
        general();
        if (is_64_)
            segment_bases();
        x87();
        sse();
        if (features_.avx || features_.avx512)
            avx();
        if (features_.avx512)
            avx512();
        if (features_.pkru)
            vector_class("pkru", 32, RegisterFeature::Pkeys, offsetof(ExtendedState, pkru), 4, "uint32");
        control();
        debug();
        descriptors();
        msrs();
        return std::move(rows_);
    }

  private:
    // The count of vector registers of one kind that the mode can name.
    unsigned vectors() const { return is_64_ ? 16 : 8; }

    RegisterInfo& add(std::string name, std::uint32_t bits, RegisterFeature feature,
                      RegisterClass register_class, RegisterLocation location) {
        RegisterInfo row;
        row.name = std::move(name);
        row.bits = bits;
        row.feature = feature;
        row.register_class = register_class;
        row.location = location;
        row.type = bits == 64 ? "uint64" : "uint32";
        row.group = "general";
        row.set = kGeneralSet;
        row.format = "hex";
        row.encoding = "uint";
        return rows_.emplace_back(std::move(row));
    }

    void general() {
        for (std::size_t i = 0; i < (is_64_ ? kGeneralRows.size() : kI386Order.size()); ++i) {
            const GeneralRow& from = kGeneralRows[is_64_ ? i : kI386Order[i]];
            auto& row = add(std::string(is_64_ ? from.name : from.name32), is_64_ ? 64 : 32,
                            RegisterFeature::Core, RegisterClass::General, {kGeneral + from.offset, 8});
            row.type = from.type == "int" ? (is_64_ ? "int64" : "int32") : from.type;
            row.alt_name = from.alt_name;
            // i386 passes arguments on the stack.
            row.generic = !is_64_ && from.generic.starts_with("arg") ? "" : from.generic;
            row.dwarf = is_64_ ? from.dwarf : static_cast<std::int32_t>(i);
            row.expedited = from.expedited;
        }
        auto& eflags = add("eflags", 32, RegisterFeature::Core, RegisterClass::General,
                           {kGeneral + offsetof(GeneralRegisters, rflags), 8});
        eflags.type = "i386_eflags";
        eflags.alt_name = "flags";
        eflags.generic = "flags";
        eflags.dwarf = is_64_ ? 49 : 9;
        eflags.expedited = true;
        selectors();
    }

    void selectors() {
        constexpr std::array<std::int32_t, 6> kDwarf64{51, 52, 53, 50, 54, 55};
        constexpr std::array<std::int32_t, 6> kDwarf32{41, 42, 43, 40, 44, 45};
        for (std::size_t i = 0; i < kSelectors.size(); ++i) {
            auto& row = add(std::string(kSelectors[i].name), 32, RegisterFeature::Core, RegisterClass::System,
                            {kSelectors[i].offset + offsetof(Segment, selector), 2});
            row.type = "int32";
            row.dwarf = is_64_ ? kDwarf64[i] : kDwarf32[i];
            row.expedited = true;
        }
    }

    void segment_bases() {
        for (const auto& [name, offset, dwarf] : {std::tuple{"fs_base", offsetof(SystemRegisters, fs), 58},
                                                  std::tuple{"gs_base", offsetof(SystemRegisters, gs), 59}}) {
            auto& row = add(name, 64, RegisterFeature::Segments, RegisterClass::System,
                            {kSystem + offset + offsetof(Segment, base), 8});
            row.type = "int";
            row.dwarf = dwarf;
        }
    }

    void x87() {
        for (unsigned i = 0; i < 8; ++i) {
            auto& row = add(fmt::format("st{}", i), 80, RegisterFeature::Core, RegisterClass::Extended,
                            {kExtended + offsetof(ExtendedState, st) + std::size_t{10} * i, 10});
            row.type = "i387_ext";
            row.group = "float";
            row.set = kFloatSet;
            row.format = "float";
            row.encoding = "ieee754";
            row.dwarf = static_cast<std::int32_t>(is_64_ ? 33 + i : 11 + i);
        }
        // FIP and FDP are 64 bits wide; gdb shows the upper half as a "segment", where 32-bit FXSAVE keeps
        // it.
        x87_control("fctrl", offsetof(ExtendedState, fcw), 2);
        x87_control("fstat", offsetof(ExtendedState, fsw), 2);
        x87_control("ftag", offsetof(ExtendedState, ftw), 2);
        x87_control("fiseg", offsetof(ExtendedState, fip) + 4, 4);
        x87_control("fioff", offsetof(ExtendedState, fip), 4);
        x87_control("foseg", offsetof(ExtendedState, fdp) + 4, 4);
        x87_control("fooff", offsetof(ExtendedState, fdp), 4);
        x87_control("fop", offsetof(ExtendedState, fop), 2);
    }

    void x87_control(std::string_view name, std::size_t offset, std::size_t size) {
        auto& row = add(std::string(name), 32, RegisterFeature::Core, RegisterClass::Extended,
                        {kExtended + offset, size});
        row.type = "int";
        row.group = "float";
        row.set = kFloatSet;
    }

    // A register of the vector group, or one that lives with them.
    RegisterInfo& vector_class(std::string name, std::uint32_t bits, RegisterFeature feature,
                               std::size_t offset, std::size_t size, std::string_view type) {
        auto& row = add(std::move(name), bits, feature, RegisterClass::Extended, {kExtended + offset, size});
        row.type = type;
        row.group = "vector";
        row.set = kVectorSet;
        if (bits > 64) {
            row.format = "vector-uint8";
            row.encoding = "vector";
        }
        return row;
    }

    // `bytes` bytes of vector register n, from byte `from`: xmm, and the upper halves that gdb calls ymmNh,
    // zmmNh.
    RegisterInfo& vector_part(std::string name, unsigned n, std::size_t from, std::size_t bytes,
                              RegisterFeature feature, std::string_view type) {
        const std::size_t offset = offsetof(ExtendedState, zmm) + std::size_t{64} * n + from;
        return vector_class(std::move(name), static_cast<std::uint32_t>(8 * bytes), feature, offset, bytes,
                            type);
    }

    void sse() {
        for (unsigned i = 0; i < vectors(); ++i) {
            auto& row = vector_part(fmt::format("xmm{}", i), i, 0, 16, RegisterFeature::Sse, "vec128");
            row.dwarf = static_cast<std::int32_t>(is_64_ ? 17 + i : 21 + i);
        }
        auto& mxcsr =
            vector_class("mxcsr", 32, RegisterFeature::Sse, offsetof(ExtendedState, mxcsr), 4, "i386_mxcsr");
        mxcsr.dwarf = is_64_ ? 64 : 39;
    }

    void avx() {
        for (unsigned i = 0; i < vectors(); ++i)
            vector_part(fmt::format("ymm{}h", i), i, 16, 16, RegisterFeature::Avx, "uint128");
    }

    void avx512() {
        constexpr auto kFeature = RegisterFeature::Avx512;
        for (unsigned i = 16; is_64_ && i < 32; ++i) {
            auto& row = vector_part(fmt::format("xmm{}", i), i, 0, 16, kFeature, "vec128");
            row.dwarf = static_cast<std::int32_t>(67 + i - 16);
        }
        for (unsigned i = 16; is_64_ && i < 32; ++i)
            vector_part(fmt::format("ymm{}h", i), i, 16, 16, kFeature, "uint128");
        for (unsigned i = 0; i < 8; ++i) {
            const std::size_t offset = offsetof(ExtendedState, k) + std::size_t{8} * i;
            auto& row = vector_class(fmt::format("k{}", i), 64, kFeature, offset, 8, "uint64");
            row.dwarf = static_cast<std::int32_t>(is_64_ ? 118 + i : 93 + i);
        }
        for (unsigned i = 0; i < (is_64_ ? 32u : 8u); ++i)
            vector_part(fmt::format("zmm{}h", i), i, 32, 32, kFeature, "v2ui128");
    }

    RegisterInfo& system(std::string name, std::uint32_t bits, RegisterClass register_class,
                         RegisterLocation location, std::string_view type = {}) {
        auto& row = add(std::move(name), bits, RegisterFeature::System, register_class, location);
        if (!type.empty())
            row.type = type;
        row.group = "system";
        row.set = kSystemSet;
        row.in_g = false;
        return row;
    }

    void control() {
        const auto from = [this](std::string_view name, std::size_t offset, std::string_view type = {}) {
            system(std::string(name), 64, RegisterClass::System, {kSystem + offset, 8}, type);
        };
        from("cr0", offsetof(SystemRegisters, cr0), "x86_cr0");
        from("cr2", offsetof(SystemRegisters, cr2));
        from("cr3", offsetof(SystemRegisters, cr3), "x86_cr3");
        from("cr4", offsetof(SystemRegisters, cr4), "x86_cr4");
        from("cr8", offsetof(SystemRegisters, cr8));
        from("efer", offsetof(SystemRegisters, efer), "x86_efer");
        system("xcr0", 64, RegisterClass::Xcr0, {offsetof(CpuState, xcr0), 8}, "x86_xcr0");
    }

    void debug() {
        for (unsigned i = 0; i < 4; ++i)
            system(fmt::format("dr{}", i), 64, RegisterClass::Debug,
                   {kDebug + offsetof(DebugRegisters, dr) + std::size_t{8} * i, 8});
        system("dr6", 64, RegisterClass::Debug, {kDebug + offsetof(DebugRegisters, dr6), 8}, "x86_dr6");
        system("dr7", 64, RegisterClass::Debug, {kDebug + offsetof(DebugRegisters, dr7), 8}, "x86_dr7");
    }

    void hidden_part(const NamedOffset& segment, bool with_base) {
        const std::string name(segment.name);
        if (with_base)
            system(name + "_base", 64, RegisterClass::System, {segment.offset + offsetof(Segment, base), 8});
        system(name + "_limit", 32, RegisterClass::System, {segment.offset + offsetof(Segment, limit), 4});
        system(name + "_attributes", 32, RegisterClass::System,
               {segment.offset, 4, RegisterLocation::Kind::SegmentAttributes}, "x86_segment_attributes");
    }

    void descriptors() {
        for (const auto& table : {NamedOffset{"gdtr", kSystem + offsetof(SystemRegisters, gdtr)},
                                  NamedOffset{"idtr", kSystem + offsetof(SystemRegisters, idtr)}}) {
            const std::string name(table.name);
            system(name + "_base", 64, RegisterClass::System,
                   {table.offset + offsetof(DescriptorTable, base), 8});
            system(name + "_limit", 32, RegisterClass::System,
                   {table.offset + offsetof(DescriptorTable, limit), 2});
        }
        for (const auto& segment : kSystemSegments) {
            system(std::string(segment.name), 32, RegisterClass::System,
                   {segment.offset + offsetof(Segment, selector), 2});
            hidden_part(segment, true);
        }
        for (const auto& segment : kSelectors)  // x86-64 has fs_base and gs_base in a feature that gdb knows
            hidden_part(segment, !is_64_ || (segment.name != "fs" && segment.name != "gs"));
    }

    void msrs() {
        const auto from = [this](std::string_view name, std::size_t offset, std::string_view type = {}) {
            system(std::string(name), 64, RegisterClass::Msrs, {kMsrs + offset, 8}, type);
        };
        from("k_gs_base", offsetof(ModelSpecificRegisters, kernel_gs_base));
        from("star", offsetof(ModelSpecificRegisters, star));
        from("lstar", offsetof(ModelSpecificRegisters, lstar), is_64_ ? "code_ptr" : "");
        from("cstar", offsetof(ModelSpecificRegisters, cstar), is_64_ ? "code_ptr" : "");
        from("fmask", offsetof(ModelSpecificRegisters, fmask));
        from("sysenter_cs", offsetof(ModelSpecificRegisters, sysenter_cs));
        from("sysenter_esp", offsetof(ModelSpecificRegisters, sysenter_esp));
        from("sysenter_eip", offsetof(ModelSpecificRegisters, sysenter_eip), is_64_ ? "code_ptr" : "");
        from("tsc", offsetof(ModelSpecificRegisters, tsc));
        system("apic_base", 64, RegisterClass::System, {kSystem + offsetof(SystemRegisters, apic_base), 8},
               "x86_apic_base");
        from("misc_enable", offsetof(ModelSpecificRegisters, misc_enable), "x86_misc_enable");
        from("pat", offsetof(ModelSpecificRegisters, pat));
    }

    FeatureSet features_;
    bool is_64_;
    std::vector<RegisterInfo> rows_;
};

}  // namespace

std::vector<RegisterInfo> register_table(FeatureSet features, GdbArchitecture architecture) {
    return Table(features, architecture).build();
}

}  // namespace ringside::x86
