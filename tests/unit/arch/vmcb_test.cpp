#include "arch/x86_64/vmcb.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <set>

namespace ringside::x86 {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

VmcbField field(std::string_view name) {
    const auto found = match_vmcb_fields(name);
    EXPECT_THAT(found, SizeIs(1)) << name;
    return found.front();
}

class Vmcb : public testing::Test {
  protected:
    void set(std::string_view name, std::uint64_t value) {
        const VmcbField f = field(name);
        std::memcpy(image_.data() + f.offset, &value, f.bytes);
    }
    std::string words(std::string_view name) {
        const VmcbField f = field(name);
        return describe_vmcb_field(f, read_vmcb(image_, f).value(), image_);
    }
    std::vector<std::byte> image_ = std::vector<std::byte>(kVmcbSize);
};

TEST_F(Vmcb, FieldsAreWhereTheManualSays) {
    EXPECT_EQ(field("EXIT_CODE").offset, 0x70);
    EXPECT_EQ(field("N_CR3").offset, 0xb0);
    EXPECT_EQ(field("CR3").offset, 0x550);
    EXPECT_EQ(field("RIP").offset, 0x578);
    EXPECT_EQ(field("RAX").offset, 0x5f8);
    EXPECT_EQ(field("0x5d8").name, "RSP");
    EXPECT_TRUE(field("N_CR3").is_control());
    EXPECT_FALSE(field("ES_SELECTOR").is_control());
}

TEST_F(Vmcb, NoTwoFieldsShareAByteOrAName) {
    std::set<std::size_t> used;
    std::set<std::string_view> names;
    for (const VmcbField& f : vmcb_fields()) {
        EXPECT_TRUE(names.insert(f.name).second) << f.name;
        for (std::size_t i = 0; i < f.bytes; ++i)
            EXPECT_TRUE(used.insert(f.offset + i).second) << f.name;
    }
    EXPECT_THAT(match_vmcb_fields("CS_"), SizeIs(4));
    EXPECT_THAT(match_vmcb_fields(""), SizeIs(vmcb_fields().size()));
    EXPECT_THAT(match_vmcb_fields("nonsense"), IsEmpty());
    EXPECT_THAT(match_vmcb_fields("0x001"), IsEmpty());
    EXPECT_THAT(match_vmcb_fields("0x"), IsEmpty());
    EXPECT_THAT(match_vmcb_fields("0x10000"), IsEmpty())
        << "more than 16 bits is no offset, and not offset 0";
}

TEST_F(Vmcb, AFieldBeyondTheImageIsNotRead) {
    EXPECT_EQ(read_vmcb(std::span(image_).first(0x57f), field("RIP")), std::nullopt);
    EXPECT_EQ(read_vmcb(std::span(image_).first(0x580), field("RIP")), 0U);
}

TEST_F(Vmcb, AnInterceptIsNamedAsItsExitIs) {
    set("CR_INTERCEPTS", 1U << 3 | 1U << 16);
    EXPECT_EQ(words("CR_INTERCEPTS"), "READ_CR3 WRITE_CR0");
    set("EXCEPTION_INTERCEPTS", 1U << 14);
    EXPECT_EQ(words("EXCEPTION_INTERCEPTS"), "PF_EXCP");
    set("INTERCEPTS_1", 1U << 18 | 1U << 24);
    EXPECT_EQ(words("INTERCEPTS_1"), "CPUID HLT");
    set("INTERCEPTS_2", 1);
    EXPECT_EQ(words("INTERCEPTS_2"), "VMRUN");
}

TEST_F(Vmcb, AnExitIsInTheExitTablesWords) {
    set("EXIT_CODE", 0x400);
    set("EXIT_INFO_1", 2);
    set("EXIT_INFO_2", 0x5000);
    EXPECT_EQ(words("EXIT_CODE"), "NPF");
    EXPECT_THAT(words("EXIT_INFO_1"), HasSubstr("write, gpa 0x5000"));
    set("EXIT_CODE", ~std::uint64_t{0});
    EXPECT_EQ(words("EXIT_CODE"), "INVALID");
}

TEST_F(Vmcb, FlagsAreNamed) {
    set("VIRTUAL_INTERRUPT", 0x21'0100'0105);
    EXPECT_EQ(words("VIRTUAL_INTERRUPT"), "V_INTR_VECTOR=21 V_INTR_MASKING V_IRQ V_TPR=5");
    set("NESTED_CONTROL", 1);
    EXPECT_EQ(words("NESTED_CONTROL"), "NP");
    set("CS_ATTRIBUTES", 0xa9b);
    EXPECT_EQ(words("CS_ATTRIBUTES"), "G L P S type=b");
    set("EVENT_INJECTION", 0x80000306);
    EXPECT_EQ(words("EVENT_INJECTION"), "#UD");
    EXPECT_EQ(words("EXIT_INT_INFO"), "not valid");
    set("TLB_CONTROL", 3);
    EXPECT_EQ(words("TLB_CONTROL"), "flush this guest's entries");
    set("EFER", 0x1000);
    EXPECT_EQ(words("EFER"), "SVME");
    EXPECT_EQ(words("RIP"), "");
}

}  // namespace
}  // namespace ringside::x86
