#include "vmm/exits/catch/catch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/vmm/exits/record/exit_builders.h"

namespace ringside::exits {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using x86::VirtualizationKind;

CatchRule rule(std::string_view text) {
    const auto parsed = parse_catch(text);
    EXPECT_TRUE(parsed) << text << ": " << parsed.error().message();
    return parsed.value_or(CatchRule{});
}

CatchCondition address(Comparison comparison, std::uint64_t low, std::uint64_t high) {
    return {{comparison, low, high}, CatchField::Address};
}

TEST(CatchParser, SubjectsStandAlone) {
    EXPECT_EQ(rule("cpuid").subject, CatchSubject::Cpuid);
    EXPECT_EQ(rule("CR3").subject, CatchSubject::Cr3);
    EXPECT_EQ(rule("npf").subject, CatchSubject::Ept);
    EXPECT_EQ(rule("IOAPIC_EOI").name, "IOAPIC_EOI");
    EXPECT_EQ(rule("0x2b").name, "0x2b");
    EXPECT_EQ(rule("hlt").count, 1U);
    EXPECT_EQ(rule("hlt").text, "hlt");
}

TEST(CatchParser, ConditionsInEveryForm) {
    EXPECT_THAT(rule("msr 0xc0000082").conditions,
                ElementsAre(address(Comparison::Equal, 0xc0000082, 0xc0000082)));
    EXPECT_THAT(rule("io port==0x3f8").conditions, ElementsAre(address(Comparison::Equal, 0x3f8, 0x3f8)));
    EXPECT_THAT(rule("io if port == 1016").conditions, ElementsAre(address(Comparison::Equal, 0x3f8, 0x3f8)));
    EXPECT_THAT(rule("mmio gpa in 0x1000..0x1fff").conditions,
                ElementsAre(address(Comparison::InRange, 0x1000, 0x1fff)));
    EXPECT_THAT(rule("ept if gpa in 0x1000 .. 0x1fff").conditions,
                ElementsAre(address(Comparison::InRange, 0x1000, 0x1fff)));
    const CatchRule all = rule("io port>=0x3f8 and size!=1, value<7 && rip > 0x1000 and write count 3");
    EXPECT_THAT(all.conditions,
                ElementsAre(address(Comparison::GreaterOrEqual, 0x3f8, 0x3f8),
                            CatchCondition{{Comparison::NotEqual, 1, 1}, CatchField::Size},
                            CatchCondition{{Comparison::Less, 7, 7}, CatchField::Value},
                            CatchCondition{{Comparison::Greater, 0x1000, 0x1000}, CatchField::Rip}));
    EXPECT_EQ(all.direction, Direction::Write);
    EXPECT_EQ(all.count, 3U);
}

TEST(CatchParser, ExceptionsAndInterrupts) {
    EXPECT_EQ(rule("exception #PF").subject, CatchSubject::Exception);
    EXPECT_EQ(rule("exception #PF").vector, 14);
    EXPECT_EQ(rule("exception 13 count 2").count, 2U);
    EXPECT_EQ(rule("interrupt 0x80").subject, CatchSubject::Interrupt);
    EXPECT_EQ(rule("interrupt 0x80").vector, 0x80);
    const CatchRule all =
        rule("exception pf if error & 4 and cr2 in 0..0xfff and rax & 0xf0 == 0x30 and cpl==3");
    CatchCondition user{{Comparison::NotEqual, 0, 0, 4}, CatchField::ErrorCode};
    CatchCondition null{{Comparison::InRange, 0, 0xfff}, CatchField::Cr2};
    CatchCondition digit{{Comparison::Equal, 0x30, 0x30, 0xf0}, CatchField::Register, "rax"};
    CatchCondition level{{Comparison::Equal, 3, 3}, CatchField::Level};
    EXPECT_THAT(all.conditions, ElementsAre(user, null, digit, level));
    EXPECT_TRUE(holds(user, 6));
    EXPECT_FALSE(holds(user, 3));
    EXPECT_TRUE(holds(digit, 0x137));
    for (const char* wrong :
         {"exception", "exception 32", "exception xy", "interrupt pf", "interrupt 256", "exception pf if",
          "exception pf if error", "exception pf if error &", "exception pf if 3 == 3"})
        EXPECT_FALSE(parse_catch(wrong)) << wrong;
}

TEST(CatchParser, ExitsOfAnInnerGuestAndTransitions) {
    EXPECT_TRUE(rule("l2-exit cpuid").of_l2);
    EXPECT_EQ(rule("l2-exit cpuid").subject, CatchSubject::Cpuid);
    EXPECT_FALSE(rule("cpuid").of_l2);
    EXPECT_EQ(rule("l2-exit").subject, CatchSubject::AnyOfL2);
    EXPECT_EQ(rule("L2-exit count 3").count, 3U);
    EXPECT_EQ(rule("vm-exit").subject, CatchSubject::VmExit);
    EXPECT_EQ(rule("vm-entry count 2").subject, CatchSubject::VmEntry);
    EXPECT_EQ(rule("vm-entry-failure").subject, CatchSubject::VmEntryFailure);
    EXPECT_THAT(parse_catch("vm-entry cpuid").error().message(), HasSubstr("\"cpuid\" was found"));
    EXPECT_FALSE(parse_catch("l2-"));
}

TEST(CatchParser, ErrorsSayWhatIsWanted) {
    const auto error = [](std::string_view text) {
        const auto parsed = parse_catch(text);
        EXPECT_FALSE(parsed) << text;
        return parsed ? std::string() : parsed.error().message();
    };
    EXPECT_THAT(error(""), HasSubstr("the end was found where an exit's name"));
    EXPECT_THAT(error("io colour==3"), HasSubstr("\"colour\""));
    EXPECT_THAT(error("io port"), HasSubstr("==, !="));
    EXPECT_THAT(error("io port==red"), HasSubstr("\"red\" was found where a number is expected"));
    EXPECT_THAT(error("mmio gpa in 5"), HasSubstr("\"..\""));
    EXPECT_THAT(error("mmio gpa in 5..4"), HasSubstr("ends before it begins"));
    EXPECT_THAT(error("io read and write"), HasSubstr("at once"));
    EXPECT_THAT(error("io count 0"), HasSubstr("from 1"));
    EXPECT_THAT(error("io count 1 x"), HasSubstr("\"x\""));
    EXPECT_THAT(error("io port==0x10000000000000000"), HasSubstr("a number"));
    EXPECT_THAT(error(std::string(2000, 'a')), HasSubstr("too long"));
    EXPECT_THAT(error("=="), HasSubstr("\"==\""));
}

TEST(CatchMatch, ComparesEveryField) {
    ExitRecord exit = access(kIo, Direction::Write, 1, 0x3f8);
    exit.value = 0x41;
    exit.rip = 0x1000;
    for (const char* text :
         {"io", "io 0x3f8", "io port in 0x3f8..0x3f8", "io value==0x41 and write", "io size<=1", "io size<2",
          "io rip>=0x1000", "io rip>0xfff", "io port!=0x3f9", "io out"})
        EXPECT_TRUE(matches(rule(text), exit)) << text;
    for (const char* text : {"io 0x3f9", "io port in 0x3f9..0x400", "io value!=0x41", "io read", "io size<1",
                             "io rip>0x1000", "io port>=0x3f9", "io size<=0"})
        EXPECT_FALSE(matches(rule(text), exit)) << text;
}

CatchPlan plan(std::string_view text, std::optional<VirtualizationKind> kind) {
    const auto made = plan_catch(rule(text), kind);
    EXPECT_TRUE(made) << text << ": " << made.error().message();
    return made.value_or(CatchPlan{});
}

TEST(CatchPlan, VmxFilters) {
    const auto filter = [](std::string_view text) {
        return plan(text, VirtualizationKind::Vmx).filter.value_or("none");
    };
    EXPECT_EQ(filter("cpuid"), "exit_reason == 0xa");
    EXPECT_EQ(filter("io port==0x3f8"), "exit_reason == 0x1e && (info1 >= 0x3f80000 && info1 <= 0x3f8ffff)");
    EXPECT_EQ(filter("io port!=0x3f8"), "exit_reason == 0x1e && (info1 < 0x3f80000 || info1 > 0x3f8ffff)");
    EXPECT_EQ(filter("ept write"), "exit_reason == 0x30 && info1 & 0x2");
    EXPECT_EQ(filter("msr"), "(exit_reason == 0x1f || exit_reason == 0x20)");
    EXPECT_EQ(filter("hlt rip in 0x1000..0x1fff"),
              "exit_reason == 0xc && (guest_rip >= 0x1000 && guest_rip <= 0x1fff)");
    EXPECT_EQ(filter("EPT_MISCONFIG"), "exit_reason == 0x31");
    EXPECT_THAT(filter("cr3 write"), HasSubstr("exit_reason == 0x1c && (info1 == 0x3 || info1 == 0x103 || "));
    EXPECT_THAT(filter("cr3 write"), testing::Not(HasSubstr("0x13 ")));
    EXPECT_THAT(filter("cr3 read"), HasSubstr("info1 == 0xf13"));
    EXPECT_LT(filter("cr3").size(), 4096U) << "the kernel takes no more than a page";
}

TEST(CatchPlan, SvmFilters) {
    const auto filter = [](std::string_view text) {
        return plan(text, VirtualizationKind::Svm).filter.value_or("none");
    };
    EXPECT_EQ(filter("cpuid"), "exit_reason == 0x72");
    EXPECT_EQ(filter("cr3"), "(exit_reason == 0x3 || exit_reason == 0x13)");
    EXPECT_EQ(filter("cr0 write"), "(exit_reason == 0x10 || exit_reason == 0x65)");
    EXPECT_EQ(filter("ept gpa==0xfee00000"), "exit_reason == 0x400 && info2 == 0xfee00000");
    EXPECT_EQ(filter("io read port<=0xff"), "exit_reason == 0x7b && info1 & 0x1 && info1 <= 0xffffff");
    EXPECT_EQ(filter("msr write"), "exit_reason == 0x7c && info1 == 1");
}

TEST(CatchPlan, WatchesInOnePlaceOnly) {
    // Every port access exits, but in-kernel devices answer some: the tracepoint sees them all.
    EXPECT_THAT(plan("io port==0x20", VirtualizationKind::Vmx).userspace, IsEmpty());
    // The tracepoint does not carry the value: the exit loop does.
    const CatchPlan value = plan("io value==7", VirtualizationKind::Vmx);
    EXPECT_THAT(value.userspace, ElementsAre(kIo));
    EXPECT_FALSE(value.filter);
    // Only the kernel sees CPUID, and no tracepoint has a leaf's value.
    const CatchPlan coarse = plan("cpuid leaf==1 and value==2", VirtualizationKind::Vmx);
    EXPECT_EQ(coarse.filter, "exit_reason == 0xa");
    EXPECT_TRUE(coarse.filter_is_coarse);
}

TEST(CatchPlan, AddressesThatKvmExitLacksComeFromOtherTracepoints) {
    const CatchPlan leaf = plan("cpuid leaf==1", VirtualizationKind::Svm);
    EXPECT_EQ(leaf.event, "kvm_cpuid");
    EXPECT_EQ(leaf.filter, "function == 0x1");
    EXPECT_FALSE(leaf.filter_is_coarse);
    const CatchPlan msr = plan("msr 0xc0000082 write", VirtualizationKind::Vmx);
    EXPECT_EQ(msr.event, "kvm_msr");
    EXPECT_EQ(msr.filter, "ecx == 0xc0000082 && write == 1");
    EXPECT_FALSE(msr.msr) << "no need to take it from the kernel";
    const CatchPlan ept = plan("ept if gpa in 0x1000..0x1fff", VirtualizationKind::Vmx);
    EXPECT_EQ(ept.event, "kvm_page_fault");
    EXPECT_EQ(ept.filter, "(fault_address >= 0x1000 && fault_address <= 0x1fff)");
    // SVM's kvm_exit has the gpa itself.
    EXPECT_EQ(plan("ept gpa==0x1000", VirtualizationKind::Svm).event, "kvm_exit");
}

TEST(CatchPlan, WithoutAHardwareTier) {
    EXPECT_THAT(plan("io port==0x3f8", std::nullopt).userspace, ElementsAre(kIo));
    EXPECT_THAT(plan("mmio", std::nullopt).userspace, ElementsAre(kMmio));
    EXPECT_THAT(plan("msr 0x10", std::nullopt).userspace, ElementsAre(29, 30));
    EXPECT_EQ(plan("msr 0x10", std::nullopt).msr, 0x10U);
    EXPECT_THAT(plan("INTERNAL_ERROR", std::nullopt).userspace, ElementsAre(17));
    EXPECT_THAT(plan_catch(rule("cpuid"), std::nullopt).error().message(),
                HasSubstr("no kvm:kvm_exit events"));
    EXPECT_THAT(plan_catch(rule("msr"), std::nullopt).error().message(), HasSubstr("by number"));
    EXPECT_THAT(plan_catch(rule("nonsense"), std::nullopt).error().message(),
                HasSubstr("no exit of this name"));
}

TEST(CatchParser, RangesNamesAndModes) {
    EXPECT_THAT(rule("io 0x60-0x64").conditions, ElementsAre(address(Comparison::InRange, 0x60, 0x64)));
    EXPECT_THAT(rule("io 0x60..0x64 write").conditions,
                ElementsAre(address(Comparison::InRange, 0x60, 0x64)));
    EXPECT_THAT(rule("msr LSTAR").conditions,
                ElementsAre(address(Comparison::Equal, 0xc0000082, 0xc0000082)));
    EXPECT_EQ(rule("mode-change").subject, CatchSubject::ModeChange);
    EXPECT_EQ(rule("halt").subject, CatchSubject::Hlt);
    for (const char* wrong : {"io 0x64-0x60", "io 0x60-", "msr NOTHING", "reset"})
        EXPECT_FALSE(parse_catch(wrong)) << wrong;
}

TEST(CatchPlan, WhatNoExitReportsIsSteppedFor) {
    for (const char* text : {"cr0", "cr3 write", "cr4 if value == 0x20", "halt", "mode-change"})
        EXPECT_TRUE(plan(text, std::nullopt).stepping) << text;
    for (const char* text : {"cr3 read", "mode-change read", "cr2", "cr3 if size == 8", "l2-exit cr3"})
        EXPECT_FALSE(plan_catch(rule(text), std::nullopt)) << text;
    EXPECT_FALSE(plan("cr3", VirtualizationKind::Vmx).stepping);
    EXPECT_TRUE(plan_catch(rule("cr3"), VirtualizationKind::Vmx, true)->stepping) << "nested paging";
    EXPECT_FALSE(plan_catch(rule("cr4"), VirtualizationKind::Vmx, true)->stepping);
    EXPECT_THAT(plan_catch(rule("io 0x40"), std::nullopt).error().message(), HasSubstr("KVM has the device"));
}

TEST(CatchPlan, AnInnerGuestsExitsComeFromTracepointsOfTheirOwn) {
    const auto made = plan_catch(rule("l2-exit io port==0x80"), VirtualizationKind::Vmx).value();
    EXPECT_EQ(made.event, "kvm_nested_vmexit");
    EXPECT_THAT(*made.filter, HasSubstr("exit_reason == 0x1e"));
    EXPECT_THAT(made.userspace, IsEmpty());
    // The tracepoints of CPUID and MSRs do not say whose exit it is.
    const auto leaf = plan_catch(rule("l2-exit cpuid leaf==1"), VirtualizationKind::Svm).value();
    EXPECT_EQ(leaf.event, "kvm_nested_vmexit");
    EXPECT_TRUE(leaf.filter_is_coarse);
    EXPECT_EQ(plan_catch(rule("l2-exit"), VirtualizationKind::Svm)->filter, "isa >= 1");
    EXPECT_FALSE(plan_catch(rule("l2-exit mmio"), VirtualizationKind::Vmx));
    EXPECT_THAT(plan_catch(rule("l2-exit cpuid"), std::nullopt).error().message(), HasSubstr("kvm:kvm_exit"));
}

TEST(CatchPlan, TransitionsAreSeenAtTheEntryInstructionsAndAtExits) {
    const auto entry = plan_catch(rule("vm-entry"), VirtualizationKind::Vmx).value();
    EXPECT_EQ(entry.event, "kvm_exit");
    EXPECT_EQ(entry.filter, "(exit_reason == 0x14 || exit_reason == 0x18)");
    EXPECT_EQ(entry.second_event, "");
    EXPECT_EQ(plan_catch(rule("vm-entry"), VirtualizationKind::Svm)->filter, "exit_reason == 0x80");
    EXPECT_EQ(plan_catch(rule("vm-exit"), VirtualizationKind::Svm)->second_event, "kvm_nested_vmexit_inject");
    const auto failure = plan_catch(rule("vm-entry-failure"), VirtualizationKind::Vmx).value();
    EXPECT_EQ(failure.second_event, "kvm_nested_vmexit");
    EXPECT_EQ(failure.second_filter, "exit_reason >= 0x80000000");
    EXPECT_THAT(plan_catch(rule("vm-exit"), std::nullopt).error().message(), HasSubstr("kvm:kvm_exit"));
}

}  // namespace
}  // namespace ringside::exits
