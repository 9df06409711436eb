// target.xml from the register table (gdb manual, "Target Description Format"). LLDB reads the same document
// and takes what it needs from attributes that gdb ignores.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>

#include "arch/x86_64/register_flags.h"
#include "arch/x86_64/registers.h"

namespace ringside::x86 {

namespace {

using Out = std::back_insert_iterator<std::string>;

// gdb shows an xmm register as each of its possible vectors.
constexpr std::string_view kVec128 = R"(    <vector id="v4f" type="ieee_single" count="4"/>
    <vector id="v2d" type="ieee_double" count="2"/>
    <vector id="v16i8" type="int8" count="16"/>
    <vector id="v8i16" type="int16" count="8"/>
    <vector id="v4i32" type="int32" count="4"/>
    <vector id="v2i64" type="int64" count="2"/>
    <union id="vec128">
      <field name="v4_float" type="v4f"/>
      <field name="v2_double" type="v2d"/>
      <field name="v16_int8" type="v16i8"/>
      <field name="v8_int16" type="v8i16"/>
      <field name="v4_int32" type="v4i32"/>
      <field name="v2_int64" type="v2i64"/>
      <field name="uint128" type="uint128"/>
    </union>
)";
constexpr std::string_view kV2ui128 = R"(    <vector id="v2ui128" type="uint128" count="2"/>
)";

void write_flags_type(Out out, const FlagsType& type) {
    fmt::format_to(out, "    <flags id=\"{}\" size=\"{}\">\n", type.id, type.bytes);
    for (const FlagField& field : type.fields)
        fmt::format_to(out, "      <field name=\"{}\" start=\"{}\" end=\"{}\"/>\n", field.name, field.first,
                       field.last);
    fmt::format_to(out, "    </flags>\n");
}

// The types that a feature's registers use, each once. A type is visible inside its feature only.
void write_types(std::string& text, std::span<const RegisterInfo> registers, RegisterFeature feature) {
    std::vector<std::string_view> written;
    for (const RegisterInfo& info : registers) {
        if (info.feature != feature || std::find(written.begin(), written.end(), info.type) != written.end())
            continue;
        written.push_back(info.type);
        if (const FlagsType* flags = find_flags_type(info.type))
            write_flags_type(std::back_inserter(text), *flags);
        else if (info.type == "vec128")
            text += kVec128;
        else if (info.type == "v2ui128")
            text += kV2ui128;
    }
}

void write_register(Out out, const RegisterInfo& info) {
    fmt::format_to(out, R"(    <reg name="{}" bitsize="{}" type="{}" regnum="{}" offset="{}")", info.name,
                   info.bits, info.type, info.regno, info.offset);
    fmt::format_to(out, R"( group="{}" encoding="{}" format="{}")", info.group, info.encoding, info.format);
    if (!info.alt_name.empty())
        fmt::format_to(out, R"( altname="{}")", info.alt_name);
    if (!info.generic.empty())
        fmt::format_to(out, R"( generic="{}")", info.generic);
    if (info.dwarf >= 0)
        fmt::format_to(out, R"( dwarf_regnum="{0}" ehframe_regnum="{0}")", info.dwarf);
    if (!info.in_g)  // a call into the guest from gdb does not change these: do not fetch them to save them
        fmt::format_to(out, R"( save-restore="no")");
    fmt::format_to(out, "/>\n");
}

constexpr std::array kFeatures{RegisterFeature::Core,  RegisterFeature::Sse,    RegisterFeature::Segments,
                               RegisterFeature::Avx,   RegisterFeature::Avx512, RegisterFeature::Pkeys,
                               RegisterFeature::System};

}  // namespace

std::string RegisterFile::target_description() const {
    std::string text =
        "<?xml version=\"1.0\"?>\n<!DOCTYPE target SYSTEM \"gdb-target.dtd\">\n<target version=\"1.0\">\n";
    fmt::format_to(std::back_inserter(text), "  <architecture>{}</architecture>\n", name(architecture_));
    // The guest is not a process of an operating system: keep gdb from assuming its own host's ABI.
    text += "  <osabi>none</osabi>\n";
    // A 64-bit processor runs 32-bit and 16-bit code as well: `set architecture` stays possible.
    for (const auto other : {GdbArchitecture::I386, GdbArchitecture::I8086}) {
        if (architecture_ == GdbArchitecture::X86_64)
            fmt::format_to(std::back_inserter(text), "  <compatible>{}</compatible>\n", name(other));
    }
    for (const RegisterFeature feature : kFeatures) {
        const auto in_feature = [&](const RegisterInfo& info) { return info.feature == feature; };
        if (std::none_of(registers_.begin(), registers_.end(), in_feature))
            continue;
        fmt::format_to(std::back_inserter(text), "  <feature name=\"{}\">\n", name(feature));
        write_types(text, registers_, feature);
        for (const RegisterInfo& info : registers_) {
            if (in_feature(info))
                write_register(std::back_inserter(text), info);
        }
        text += "  </feature>\n";
    }
    text += "</target>\n";
    return text;
}

}  // namespace ringside::x86
