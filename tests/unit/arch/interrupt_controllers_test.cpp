#include <gtest/gtest.h>

#include <cstring>

#include "arch/x86_64/io_apic.h"
#include "arch/x86_64/local_apic.h"
#include "arch/x86_64/pic.h"

namespace ringside::x86 {
namespace {

class ApicPage {
  public:
    ApicPage& set(std::size_t offset, std::uint32_t value) {
        std::memcpy(bytes_.data() + offset, &value, sizeof value);
        return *this;
    }
    LocalApic decode(std::uint64_t base = 0xfee00900) const { return decode_local_apic(bytes_, base); }

  private:
    std::array<std::byte, kLocalApicPage> bytes_{};
};

TEST(LocalApic, DecodesRegisters) {
    const auto apic =
        ApicPage().set(0x20, 0x05000000).set(0x80, 0x21).set(0xf0, 0x1ff).set(0x380, 77).decode();
    EXPECT_EQ(apic.id, 5U);
    EXPECT_EQ(apic.task_priority, 0x21);
    EXPECT_TRUE(apic.software_enabled());
    EXPECT_EQ(apic.timer_initial, 77U);
    EXPECT_EQ(apic.base, 0xfee00000U);
    EXPECT_TRUE(apic.bootstrap);
}

TEST(LocalApic, ModeFollowsTheBaseRegister) {
    EXPECT_EQ(apic_mode(0xfee00000), ApicMode::Disabled);
    EXPECT_EQ(apic_mode(0xfee00800), ApicMode::XApic);
    EXPECT_EQ(apic_mode(0xfee00c00), ApicMode::X2Apic);
    EXPECT_EQ(apic_mode(0xfee00400), ApicMode::Invalid);
}

TEST(LocalApic, VectorsAreSpreadOverEightRegisters) {
    const auto apic =
        ApicPage().set(0x200 + 0x10, 1U << 20).set(0x200 + 0x70, 1U << 31).set(0x100, 1).decode();
    EXPECT_TRUE(apic.requested[0x34]);
    EXPECT_EQ(highest(apic.requested), 0xff);
    EXPECT_EQ(apic.requested.count(), 2U);
    EXPECT_EQ(highest(apic.in_service), 0);
    EXPECT_EQ(highest(apic.level_triggered), std::nullopt);
}

TEST(LocalApic, PriorityIsTheHigherOfTaskAndService) {
    EXPECT_EQ(ApicPage().set(0x80, 0x35).decode().processor_priority(), 0x35);
    EXPECT_EQ(ApicPage().set(0x80, 0x35).set(0x110, 1U << 15).decode().processor_priority(), 0x35);  // 0x2f
    EXPECT_EQ(ApicPage().set(0x80, 0x35).set(0x120, 1U << 7).decode().processor_priority(), 0x40);   // 0x47
}

TEST(LocalApic, TimerDivisors) {
    constexpr std::pair<std::uint32_t, unsigned> kCases[] = {{0, 2},  {1, 4},  {2, 8},    {3, 16},
                                                             {8, 32}, {9, 64}, {10, 128}, {11, 1}};
    for (const auto& [code, divisor] : kCases)
        EXPECT_EQ(ApicPage().set(0x3e0, code).decode().timer_divisor(), divisor) << code;
}

TEST(LocalApic, LocalVectorFields) {
    const LocalVector entry{0x1a734};
    EXPECT_EQ(entry.vector(), 0x34);
    EXPECT_EQ(entry.delivery(), DeliveryMode::ExtInt);
    EXPECT_TRUE(entry.masked());
    EXPECT_TRUE(entry.active_low());
    EXPECT_TRUE(entry.level());
    EXPECT_FALSE(entry.pending());
    EXPECT_EQ(LocalVector{0x20041}.timer_mode(), ApicTimerMode::Periodic);
}

TEST(IoApic, RedirectionFields) {
    const RedirectionEntry entry{0xff0000000001e949};
    EXPECT_EQ(entry.vector(), 0x49);
    EXPECT_EQ(entry.delivery(), DeliveryMode::LowestPriority);
    EXPECT_TRUE(entry.logical());
    EXPECT_TRUE(entry.active_low());
    EXPECT_TRUE(entry.remote_irr());
    EXPECT_TRUE(entry.level());
    EXPECT_TRUE(entry.masked());
    EXPECT_EQ(entry.destination(), 0xff);
}

struct Addressing {
    std::uint32_t id, logical_id, format;
    std::uint8_t destination;
    bool logical, reached;
};

TEST(IoApic, Destinations) {
    constexpr Addressing kCases[] = {{3, 0, ~0U, 3, false, true},
                                     {3, 0, ~0U, 2, false, false},
                                     {3, 0, ~0U, 0xff, false, true},
                                     {3, 0x04000000, ~0U, 0x06, true, true},
                                     {3, 0x04000000, ~0U, 0x03, true, false},
                                     {3, 0x21000000, 0x0fffffff, 0x23, true, true},
                                     {3, 0x21000000, 0x0fffffff, 0x13, true, false}};
    for (const Addressing& c : kCases) {
        const auto apic =
            ApicPage().set(0x20, c.id << 24).set(0xd0, c.logical_id).set(0xe0, c.format).decode();
        EXPECT_EQ(is_addressed(apic, c.destination, c.logical), c.reached) << int{c.destination};
    }
}

TEST(IoApic, X2ApicLogicalIdsFollowFromTheId) {
    const auto apic = ApicPage().set(0x20, 3 << 24).decode(0xfee00c00);
    EXPECT_TRUE(is_addressed(apic, 1 << 3, true));
    EXPECT_FALSE(is_addressed(apic, 1 << 2, true));
}

TEST(Pic, RotationDecidesPriority) {
    Pic pic;
    pic.in_service = 0b0001'0010;
    EXPECT_EQ(pic.highest_in_service(), 1U);
    pic.first_input = 3;
    EXPECT_EQ(pic.highest_in_service(), 4U);
    EXPECT_EQ(pic.rank(2), 7U);
}

TEST(Pit, Modes6And7Are2And3) {
    EXPECT_EQ(pit_mode(6), PitMode::RateGenerator);
    EXPECT_EQ(pit_mode(7), PitMode::SquareWave);
    EXPECT_EQ(pit_mode(0xff), PitMode::Unknown);
}

}  // namespace
}  // namespace ringside::x86
