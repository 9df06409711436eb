// A VMCB with which VMRUN succeeds, and one rule broken at a time.
#include "arch/x86_64/vmcb_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ringside::x86 {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr std::uint64_t bit(unsigned n) {
    return std::uint64_t{1} << n;
}

class VmcbCheck : public testing::Test {
  protected:
    VmcbCheck() {
        // A 64-bit guest with nested paging.
        set("INTERCEPTS_2", 1), set("GUEST_ASID", 1);
        set("NESTED_CONTROL", 1), set("N_CR3", 0x5000), set("G_PAT", 0x0007040600070406);
        set("EFER", 0x1500), set("CR0", 0x80010011), set("CR3", 0x1000), set("CR4", 0x20);
        set("CS_ATTRIBUTES", 0xa9b), set("DR6", 0xffff0ff0), set("DR7", 0x400);
        cpu_.edx_80000001 = 1U << 29;
        cpu_.edx_8000000a = 1;
        cpu_.physical_address_bits = 40;
    }
    static VmcbField field(std::string_view name) { return match_vmcb_fields(name).front(); }
    std::uint64_t get(std::string_view name) { return read_vmcb(image_, field(name)).value(); }
    void set(std::string_view name, std::uint64_t value) { write_vmcb(image_, field(name), value); }
    // The rule that the VMCB breaks with this value, and no other; or "none".
    std::string broken(std::string_view name, std::uint64_t value) {
        const std::uint64_t before = get(name);
        set(name, value);
        const auto found = check_vmcb(image_, cpu_);
        set(name, before);
        if (found.empty())
            return "none";
        EXPECT_THAT(found, SizeIs(1)) << name << ' ' << value;
        EXPECT_EQ(found.front().field.name, name);
        EXPECT_EQ(found.front().value, value);
        EXPECT_THAT(found.front().section, HasSubstr("15."));
        return std::string(found.front().rule);
    }

    std::vector<std::byte> image_ = std::vector<std::byte>(kVmcbSize);
    SvmProcessor cpu_;
};

TEST_F(VmcbCheck, AGoodOneBreaksNoRule) {
    EXPECT_THAT(check_vmcb(image_, cpu_), IsEmpty());
}

TEST_F(VmcbCheck, Controls) {
    EXPECT_EQ(broken("INTERCEPTS_2", 2), "VMRUN must be intercepted");
    EXPECT_EQ(broken("GUEST_ASID", 0), "must not be 0");
    EXPECT_THAT(broken("IOPM_BASE_PA", bit(40) - 0x2000), HasSubstr("extends beyond"));
    EXPECT_EQ(broken("IOPM_BASE_PA", bit(40) - 0x3000), "none");
    EXPECT_EQ(broken("IOPM_BASE_PA", bit(40) - 0x3000 + 0xfff), "none") << "the low bits do not count";
    EXPECT_THAT(broken("MSRPM_BASE_PA", bit(40) - 0x1000), HasSubstr("extends beyond"));
    EXPECT_EQ(broken("MSRPM_BASE_PA", bit(40) - 0x2000), "none");
    EXPECT_THAT(broken("MSRPM_BASE_PA", bit(51)), HasSubstr("extends beyond"));
    EXPECT_EQ(broken("TLB_CONTROL", 1), "none");
    EXPECT_EQ(broken("TLB_CONTROL", 2), "is a reserved value");
    EXPECT_THAT(broken("TLB_CONTROL", 3), HasSubstr("needs flush-by-ASID"));
    cpu_.edx_8000000a |= 1U << 6;
    EXPECT_EQ(broken("TLB_CONTROL", 3), "none");
    EXPECT_EQ(broken("TLB_CONTROL", 7), "none");
}

TEST_F(VmcbCheck, AnEventToInject) {
    constexpr std::uint64_t kException = 3 << 8, kValid = 0x80000000;
    EXPECT_EQ(broken("EVENT_INJECTION", 1 << 8), "none") << "it is not valid";
    EXPECT_EQ(broken("EVENT_INJECTION", kValid | 1 << 8), "has a reserved type");
    EXPECT_EQ(broken("EVENT_INJECTION", kValid | 5 << 8), "has a reserved type");
    EXPECT_THAT(broken("EVENT_INJECTION", kValid | kException | 2), HasSubstr("not an exception's"));
    EXPECT_THAT(broken("EVENT_INJECTION", kValid | kException | 32), HasSubstr("not an exception's"));
    EXPECT_EQ(broken("EVENT_INJECTION", kValid | kException | 14), "none");
    EXPECT_EQ(broken("EVENT_INJECTION", kValid | 2 << 8 | 2), "none");
    EXPECT_EQ(broken("EVENT_INJECTION", kValid | 0x80), "none");
}

TEST_F(VmcbCheck, NestedPaging) {
    EXPECT_THAT(broken("N_CR3", bit(40)), HasSubstr("physical-address width"));
    EXPECT_EQ(broken("G_PAT", 2), "has a byte that is not a memory type");
    EXPECT_EQ(broken("G_PAT", bit(63)), "has a byte that is not a memory type");
    set("NESTED_CONTROL", 0);
    EXPECT_EQ(broken("N_CR3", bit(40)), "none");
    EXPECT_EQ(broken("G_PAT", 2), "none");
    cpu_.edx_8000000a = 0;
    EXPECT_THAT(broken("NESTED_CONTROL", 1), HasSubstr("does not have"));
}

TEST_F(VmcbCheck, Registers) {
    EXPECT_EQ(broken("EFER", 0x500), "SVME must be 1");
    EXPECT_EQ(broken("EFER", 0x1502), "has a reserved bit");
    EXPECT_EQ(broken("EFER", 0x1d00), "has a bit that this processor does not support");
    cpu_.edx_80000001 |= 1U << 20;
    EXPECT_EQ(broken("EFER", 0x1d00), "none");
    EXPECT_EQ(broken("CR0", get("CR0") | bit(29)), "NW must be 0 if CD is");
    EXPECT_EQ(broken("CR0", get("CR0") | bit(29) | bit(30)), "none");
    EXPECT_EQ(broken("CR0", get("CR0") | bit(32)), "has a bit above 31");
    EXPECT_THAT(broken("CR3", bit(40)), HasSubstr("physical-address width"));
    EXPECT_EQ(broken("CR4", 0x20 | bit(13)), "has a reserved bit");
    EXPECT_EQ(broken("CR4", 0x20 | bit(20)), "has a bit that this processor does not support");
    cpu_.ebx_7 = 1U << 7;
    EXPECT_EQ(broken("CR4", 0x20 | bit(20)), "none");
    EXPECT_EQ(broken("DR6", bit(32)), "has a bit above 31");
    EXPECT_EQ(broken("DR7", bit(63)), "has a bit above 31");
}

TEST_F(VmcbCheck, ShadowStacksNeedWriteProtection) {
    cpu_.ecx_7 = 1U << 7;
    EXPECT_EQ(broken("CR4", 0x20 | bit(23)), "none");
    set("CR0", 0x80000011);
    EXPECT_EQ(broken("CR4", 0x20 | bit(23)), "CET needs CR0.WP");
}

TEST_F(VmcbCheck, LongMode) {
    EXPECT_EQ(broken("CR4", 0), "PAE must be 1 if EFER.LME and CR0.PG are");
    EXPECT_EQ(broken("CR0", 0x80010010), "PE must be 1 if EFER.LME and CR0.PG are");
    EXPECT_EQ(broken("CS_ATTRIBUTES", 0xe9b), "L and D must not both be 1 in long mode");
    set("EFER", 0x1000);
    EXPECT_EQ(broken("CR4", 0), "none");
    EXPECT_EQ(broken("CS_ATTRIBUTES", 0xe9b), "none");
}

}  // namespace
}  // namespace ringside::x86
