#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "arch/x86_64/register_flags.h"
#include "arch/x86_64/registers.h"

namespace ringside::x86 {
namespace {

using testing::HasSubstr;
using testing::Not;

std::size_t count(const std::string& text, std::string_view what) {
    std::size_t n = 0;
    for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1))
        ++n;
    return n;
}

TEST(TargetDescription, HasOneElementForEachRegister) {
    const RegisterFile file({true, true, true});
    const std::string xml = file.target_description();
    EXPECT_EQ(count(xml, "<reg "), file.registers().size());
    for (const RegisterInfo& info : file.registers())
        EXPECT_THAT(
            xml, HasSubstr("<reg name=\"" + info.name + "\" bitsize=\"" + std::to_string(info.bits) + "\""));
    EXPECT_THAT(xml, HasSubstr("name=\"rip\" bitsize=\"64\" type=\"code_ptr\" regnum=\"16\" offset=\"128\""));
}

TEST(TargetDescription, BalancesItsElements) {
    const std::string xml = RegisterFile({true, true, true}).target_description();
    for (const std::string element :
         {"target", "feature", "flags", "union", "architecture", "osabi", "compatible"})
        EXPECT_EQ(count(xml, "<" + element + " ") + count(xml, "<" + element + ">"),
                  count(xml, "</" + element + ">"))
            << element;
}

TEST(TargetDescription, NamesOnlyFeaturesThatTheCpuHas) {
    const std::string plain = RegisterFile({}).target_description();
    EXPECT_THAT(plain, HasSubstr("org.gnu.gdb.i386.core"));
    EXPECT_THAT(plain, HasSubstr("org.gnu.gdb.i386.segments"));
    EXPECT_THAT(plain, Not(HasSubstr("org.gnu.gdb.i386.avx")));
    EXPECT_THAT(plain, Not(HasSubstr("org.gnu.gdb.i386.pkeys")));
    EXPECT_THAT(RegisterFile({.pkru = true}).target_description(), HasSubstr("org.gnu.gdb.i386.pkeys"));
    // gdb takes an AVX-512 feature only beside an AVX one.
    EXPECT_THAT(RegisterFile({.avx512 = true}).target_description(), HasSubstr("\"org.gnu.gdb.i386.avx\""));
}

TEST(TargetDescription, NamesTheArchitecture) {
    EXPECT_THAT(RegisterFile({}).target_description(), HasSubstr("<architecture>i386:x86-64</architecture>"));
    EXPECT_THAT(RegisterFile({}).target_description(), HasSubstr("<compatible>i8086</compatible>"));
    const std::string i8086 = RegisterFile({}, GdbArchitecture::I8086).target_description();
    EXPECT_THAT(i8086, HasSubstr("<architecture>i8086</architecture>"));
    EXPECT_THAT(i8086, HasSubstr("name=\"eip\" bitsize=\"32\""));
}

TEST(TargetDescription, DefinesEveryFlagsTypeThatItUses) {
    const RegisterFile file({});
    const std::string xml = file.target_description();
    for (const RegisterInfo& info : file.registers()) {
        if (find_flags_type(info.type) != nullptr) {
            EXPECT_EQ(count(xml, "<flags id=\"" + std::string(info.type) + "\""), 1u) << info.name;
        }
    }
    EXPECT_THAT(xml, HasSubstr("<field name=\"PG\" start=\"31\" end=\"31\"/>"));
}

TEST(Flags, FieldsAscendAndFitTheirType) {
    for (const FlagsType& type : flags_types()) {
        int previous = -1;
        for (const FlagField& field : type.fields) {
            EXPECT_GT(field.first, previous) << type.id << '.' << field.name;
            EXPECT_GE(field.last, field.first) << type.id << '.' << field.name;
            EXPECT_LT(field.last, 8 * type.bytes) << type.id << '.' << field.name;
            previous = field.last;
        }
    }
}

TEST(Flags, AreFormattedByName) {
    EXPECT_EQ(format_flags(*find_flags_type("i386_eflags"), 0x3246), "IOPL=3 IF ZF PF");
    EXPECT_EQ(format_flags(*find_flags_type("x86_cr0"), 0x80050033), "PG AM WP NE ET MP PE");
    EXPECT_EQ(format_flags(*find_flags_type("x86_efer"), 0), "");
    EXPECT_EQ(find_flags_type("none"), nullptr);
}

TEST(FormatRegisters, ShowsStateAndDecodedFlags) {
    CpuState state;
    state.general.rip = 0x1234;
    state.general.rflags = 0x202;
    state.system.cr0 = 0x80000011;
    state.system.cr4 = 0x20;
    state.system.efer = 0x500;
    state.system.cs = {.selector = 0x10, .type = 11, .s = 1, .present = 1, .l = 1};
    const std::string text = format_registers(state);
    EXPECT_THAT(text, HasSubstr("64-bit mode, privilege level 0, next instruction at linear 0x1234"));
    EXPECT_THAT(text, HasSubstr("rip 0000000000001234  rflags 00000202 [IF]"));
    EXPECT_THAT(text, HasSubstr("[PG ET PE]"));
    EXPECT_THAT(text, HasSubstr("[LMA LME]"));
    EXPECT_THAT(text,
                HasSubstr("cs  0010  base 0000000000000000  limit 00000000  dpl 0  64-bit code, readable"));
    EXPECT_THAT(text, Not(HasSubstr("zmm0")));
    EXPECT_THAT(format_registers(state, true), HasSubstr("zmm31"));
}

}  // namespace
}  // namespace ringside::x86
