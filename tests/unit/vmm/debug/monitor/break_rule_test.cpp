// What `monitor break` and `monitor watch` understand, and what a hit is judged by.

#include "vmm/debug/monitor/monitor_breakpoints.h"

#include <array>
#include <cstring>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/vmm/debug/guest/test_guest.h"

namespace ringside::debug {
namespace {

using ::testing::HasSubstr;
using testing::TestGuest;

constexpr std::size_t kVcpus = 4;

BreakRule broken(std::string_view text) {
    auto rule = parse_break(text, kVcpus);
    EXPECT_TRUE(rule) << text << ": " << (rule ? "" : rule.error().message());
    return rule.value_or(BreakRule{});
}

TEST(BreakRule, HasAPlaceAndFilters) {
    const auto rule = broken("0x1000 if cr3 == 0x7000 and cpl<=2, $rdi & 4 vcpu 3 ignore 5");
    EXPECT_EQ(rule.address, 0x1000U);
    EXPECT_FALSE(rule.physical || rule.watches);
    ASSERT_EQ(rule.conditions.size(), 3U);
    EXPECT_EQ(rule.conditions[0].field, BreakField::PageTables);
    EXPECT_EQ(rule.conditions[1].field, BreakField::Level);
    EXPECT_EQ(rule.conditions[2].name, "rdi");
    EXPECT_EQ(rule.conditions[2].mask, 4U);
    EXPECT_EQ(rule.vcpu, VcpuIndex{3});
    EXPECT_EQ(rule.ignore, 5U);
    EXPECT_EQ(rule.filters, "if cr3 == 0x7000 and cpl<=2, $rdi & 4 vcpu 3 ignore 5");
    EXPECT_TRUE(broken("phys 4096").physical);
    EXPECT_EQ(broken("0x1000").filters, "");
}

TEST(BreakRule, AWatchpointHasALength) {
    const auto rule = parse_watch("phys 0x5000 8 write ignore 1", kVcpus);
    ASSERT_TRUE(rule);
    EXPECT_TRUE(rule->watches && rule->physical);
    EXPECT_EQ(rule->size, 8U);
    EXPECT_EQ(rule->ignore, 1U);
}

TEST(BreakRule, WhatIsNotUnderstoodIsNamed) {
    const auto why = [](std::string_view text) { return parse_break(text, kVcpus).error().message(); };
    EXPECT_THAT(why("main"), HasSubstr("\"main\" is not an address"));
    EXPECT_THAT(why("0x1000 if cr3 < 1"), HasSubstr("== and !="));
    EXPECT_THAT(why("0x1000 if cr3 & 1"), HasSubstr("== and !="));
    EXPECT_THAT(why("0x1000 if cpl == 4"), HasSubstr("cpl is from 0 to 3"));
    EXPECT_THAT(why("0x1000 vcpu 4"), HasSubstr("from 0 to 3"));
    EXPECT_THAT(why("0x1000 if rax == 1 if rbx == 2 else"), HasSubstr("\"if\" was found"));
    EXPECT_THAT(why(std::string(2000, '1')), HasSubstr("too long"));
    for (const char* wrong : {"", "phys", "0x1000 ignore x", "0x1000 if", "0x1000 if rax", "0x1000 if 3 == 3",
                              "0x1000 and rax == 1", "0x1000 vcpu", "-1"})
        EXPECT_FALSE(parse_break(wrong, kVcpus)) << wrong;
    for (const char* wrong : {"0x5000 8", "phys 0x5000", "phys 0x5000 0", "phys 0x5000 4097",
                              "phys 0x5000 8 read", "phys 0x5000 8 access", "phys 0x5000 8 execute"})
        EXPECT_FALSE(parse_watch(wrong, kVcpus)) << wrong;
}

class JudgedBreakpoint : public ::testing::Test {
  protected:
    void make(const BreakRule& rule) {
        const auto symbol = [](std::uint64_t address) { return address == 0x1000 ? "f" : std::string(); };
        judge = std::make_unique<MonitorBreakpoint>(7, rule, registers, guest.view, symbol);
    }
    std::optional<std::string> hit(std::uint32_t vcpu = 0, std::span<const std::byte> before = {},
                                   std::span<const std::byte> after = {}) {
        return judge->judge({VcpuIndex{vcpu}, guest.state.general, guest.state.system, before, after});
    }
    TestGuest guest;
    x86::RegisterFile registers{x86::FeatureSet{}, x86::GdbArchitecture::X86_64};
    std::unique_ptr<MonitorBreakpoint> judge;
};

TEST_F(JudgedBreakpoint, SaysWhichItIsAndHowOftenItWasHit) {
    make(broken("0x1000"));
    guest.state.general.rip = 0x1000;
    EXPECT_EQ(hit(2), "Ringside: vCPU 2 has hit breakpoint 7 at 0x1000 <f>: hit 1, CPL 0, CR3 0x1000.\n");
    EXPECT_THAT(*hit(), HasSubstr(": hit 2, "));
}

TEST_F(JudgedBreakpoint, IgnoresHitsWhoseFiltersAreTrue) {
    make(broken("0x1000 if rax == 1 vcpu 1 ignore 2"));
    guest.state.general.rax = 1;
    EXPECT_FALSE(hit(0)) << "another vCPU";
    EXPECT_FALSE(hit(1));
    guest.state.general.rax = 2;
    EXPECT_FALSE(hit(1)) << "not a hit";
    guest.state.general.rax = 1;
    EXPECT_FALSE(hit(1));
    EXPECT_TRUE(hit(1));
    EXPECT_EQ(judge->hits(), 3U);
    EXPECT_EQ(judge->reached(), 5U);
}

TEST_F(JudgedBreakpoint, ThePageTablesCountWithoutTheOtherBitsOfCr3) {
    make(broken("0x1000 if cr3 == 0x1018"));
    EXPECT_TRUE(hit());
    guest.state.system.cr3 = 0x2018;
    EXPECT_FALSE(hit());
    make(broken("0x1000 if cr3 != 0x1000"));
    EXPECT_TRUE(hit());
}

TEST_F(JudgedBreakpoint, APhysicalOneSaysAtWhichAddressItWasExecuted) {
    make(broken("phys 0x5000"));
    guest.state.general.rip = 0x1000;
    EXPECT_THAT(*hit(), HasSubstr("breakpoint 7 at physical 0x5000, as 0x1000 <f>: hit 1"));
}

TEST_F(JudgedBreakpoint, AWatchpointTellsBothValues) {
    std::array<std::byte, 20> before{}, after{};
    after[1] = std::byte{0x12};
    make(parse_watch("phys 0x5000 2", kVcpus).value());
    EXPECT_THAT(
        *hit(0, std::span(before).first(2), std::span(after).first(2)),
        HasSubstr("watchpoint 7 on physical 0x5000 (2 bytes), from 0x0 to 0x1200, before 0x0: hit 1"));
    make(parse_watch("phys 0x5000 20", kVcpus).value());
    EXPECT_THAT(
        *hit(0, before, after),
        HasSubstr(", at offset 0x1 from 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 ... to 12 00 "));
}

}  // namespace
}  // namespace ringside::debug
