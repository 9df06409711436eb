#include "arch/x86_64/interrupt_path.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ringside::x86 {
namespace {

using ::testing::HasSubstr;

constexpr std::uint8_t kVector = 0x34;
constexpr unsigned kLine = 4;

// A processor that takes the interrupt at once.
InterruptTarget ready() {
    InterruptTarget target;
    target.apic.mode = ApicMode::XApic;
    target.apic.spurious = 0x1ff;
    target.apic.local_vectors[static_cast<std::size_t>(LocalSource::Lint0)].raw = 0x700;
    target.apic.requested.set(kVector);
    target.events.activity = Activity::Running;
    target.interrupts_enabled = true;
    target.gates.set(kVector);
    target.gates.set(0x24);
    return target;
}

std::string obstacles(const Findings& findings) {
    std::string text;
    for (const Finding& finding : findings) {
        if (finding.blocks)
            text += finding.where + ": " + finding.sentence + "\n";
    }
    return text;
}

TEST(IsRaised, FollowsTheChipThatShowsIt) {
    PicPair pics;
    IoApic chip;
    pics.first.raised = 1 << 4;
    pics.second.raised = 1 << 1;
    EXPECT_EQ(is_raised(pics, chip, 4), true);
    EXPECT_EQ(is_raised(pics, chip, 9), true);
    EXPECT_EQ(is_raised(pics, chip, 1), false);
    // An 8259A that was initialised meanwhile has forgotten it.
    chip.requested = 1 << 1 | 1 << 17;
    EXPECT_EQ(is_raised(pics, chip, 1), true);
    EXPECT_EQ(is_raised(pics, chip, 17), true);
}

TEST(IsRaised, IsUnknownOfAnEdgeThatOnlyTheIoApicHasSeen) {
    IoApic chip;
    EXPECT_EQ(is_raised({}, chip, 16), std::nullopt);
    chip.pins[16].raw = 0x8000;  // level
    EXPECT_EQ(is_raised({}, chip, 16), false);
}

struct VectorCase {
    const char* name;
    void (*change)(InterruptTarget&);
    const char* obstacle;  // empty: none
};

class AVector : public ::testing::TestWithParam<VectorCase> {};

TEST_P(AVector, IsHeldBack) {
    InterruptTarget target = ready();
    GetParam().change(target);
    const std::string found = obstacles(examine_vector(target, kVector));
    if (*GetParam().obstacle == '\0')
        EXPECT_EQ(found, "");
    else
        EXPECT_THAT(found, HasSubstr(GetParam().obstacle));
}

constexpr VectorCase kVectorCases[] = {
    {"Nothing", [](auto&) {}, ""},
    {"LowerInService", [](auto& t) { t.apic.in_service.set(0x2f); }, ""},
    {"HigherRequested", [](auto& t) { t.apic.requested.set(0x80); }, ""},
    {"Flag", [](auto& t) { t.interrupts_enabled = false; }, "vCPU 0: RFLAGS.IF is clear"},
    {"Priority", [](auto& t) { t.apic.task_priority = 0x30; },
     "task priority 0x30 holds back vectors up to 0x3f"},
    {"InService", [](auto& t) { t.apic.in_service.set(0x3c); }, "vector 0x3c is in service"},
    {"Itself", [](auto& t) { t.apic.requested.reset(), t.apic.in_service.set(kVector); }, "it has come"},
    {"NoRequest", [](auto& t) { t.apic.requested.reset(); }, "is not requested in the IRR"},
    {"SoftwareDisabled", [](auto& t) { t.apic.spurious = 0xff; }, "software-disabled"},
    {"Disabled", [](auto& t) { t.apic.mode = ApicMode::Disabled; }, "IA32_APIC_BASE"},
    {"NoGate", [](auto& t) { t.gates.reset(); }, "no usable gate for vector 0x34"},
    {"Shadow", [](auto& t) { t.events.shadow_of_sti = true; }, "after STI"},
    {"MovSs", [](auto& t) { t.events.shadow_of_mov_ss = true; }, "a load of SS"},
    {"Exception",
     [](auto& t) {
         t.events.exception = {14, 2, true};
     },
     "#PF is delivered first"},
    {"Injected", [](auto& t) { t.events.interrupt = 0x50; }, "interrupt 0x50 is being delivered"},
    {"Nmi", [](auto& t) { t.events.nmi_pending = true; }, "an NMI is delivered first"},
    {"Startup", [](auto& t) { t.events.activity = Activity::WaitForStartup; }, "is waiting for SIPI"},
    {"HaltedForever", [](auto& t) { t.events.activity = Activity::Halted, t.interrupts_enabled = false; },
     "halted with RFLAGS.IF clear"},
};
INSTANTIATE_TEST_SUITE_P(WhyNot, AVector, ::testing::ValuesIn(kVectorCases),
                         [](const auto& test) { return test.param.name; });

TEST(InterruptPath, LowVectorsAreNotAccepted) {
    EXPECT_THAT(obstacles(examine_vector(ready(), 3)), HasSubstr("below 16"));
}

struct PicCase {
    const char* name;
    unsigned line;
    void (*change)(PicPair&, InterruptTarget&);
    const char* obstacle;
};

class ALineOfThe8259 : public ::testing::TestWithParam<PicCase> {};

TEST_P(ALineOfThe8259, IsHeldBack) {
    PicPair pics;
    pics.first.vector_base = 0x20, pics.second.vector_base = 0x28;
    pics.first.requested = 1 << kLine;
    InterruptTarget target = ready();
    GetParam().change(pics, target);
    const std::string found = obstacles(examine_pic(pics, GetParam().line, {target}));
    if (*GetParam().obstacle == '\0')
        EXPECT_EQ(found, "");
    else
        EXPECT_THAT(found, HasSubstr(GetParam().obstacle));
}

constexpr PicCase kPicCases[] = {
    {"Nothing", kLine, [](auto&, auto&) {}, ""},
    {"Masked", kLine, [](auto& p, auto&) { p.first.masked = 0x10; }, "first 8259A: IR4 is masked"},
    {"Idle", kLine, [](auto& p, auto&) { p.first.requested = 0; }, "IR4 is not requested"},
    {"HigherInService", kLine, [](auto& p, auto&) { p.first.in_service = 1; },
     "IR0 is in service, and holds IR4"},
    {"LowerInService", kLine, [](auto& p, auto&) { p.first.in_service = 0x20; }, ""},
    {"Lint0Masked", kLine,
     [](auto&, auto& t) { t.apic.local_vectors[static_cast<std::size_t>(LocalSource::Lint0)].raw = 0x10700; },
     "no vCPU listens"},
    {"NoLocalApic", kLine, [](auto&, auto& t) { t.apic.mode = ApicMode::Disabled; }, ""},
    {"Cascade", 12, [](auto& p, auto&) { p.second.requested = 0x10, p.first.masked = 4; },
     "first 8259A: IR2, the second one's, is masked"},
    {"CascadeInService", 12,
     [](auto& p, auto& t) { p.second.requested = 0x10, p.first.in_service = 4, t.gates.set(0x2c); },
     "first 8259A: IR2, the second one's, is in service"},
    {"NotALineOfIts", 16, [](auto&, auto&) {}, "line 16 does not lead to it"},
};
INSTANTIATE_TEST_SUITE_P(WhyNot, ALineOfThe8259, ::testing::ValuesIn(kPicCases),
                         [](const auto& test) { return test.param.name; });

struct PinCase {
    const char* name;
    std::uint64_t entry;
    bool requested;
    const char* obstacle;
};

class APinOfTheIoApic : public ::testing::TestWithParam<PinCase> {};

TEST_P(APinOfTheIoApic, IsHeldBack) {
    IoApic chip;
    chip.pins[kLine].raw = GetParam().entry;
    chip.requested = GetParam().requested ? 1U << kLine : 0;
    const std::string found = obstacles(examine_io_apic(chip, kLine, {ready()}));
    if (*GetParam().obstacle == '\0')
        EXPECT_EQ(found, "");
    else
        EXPECT_THAT(found, HasSubstr(GetParam().obstacle));
}

constexpr PinCase kPinCases[] = {
    {"Delivered", kVector, false, ""},
    {"Masked", 0x10000 | kVector, true, "pin 4 is masked"},
    {"LostEdge", kVector, true, "lower the line and raise it again"},
    {"NobodyThere", 0x0500000000000000 | kVector, false, "no vCPU has the physical destination 0x5"},
    {"OtherVector", 0x35, false, "vector 0x35 is not requested"},
    {"Level", 0x8000 | kVector, true, ""},
};
INSTANTIATE_TEST_SUITE_P(WhyNot, APinOfTheIoApic, ::testing::ValuesIn(kPinCases),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace ringside::x86
