#include "vmm/exits/hardware/hardware_exits.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include "tests/unit/vmm/exits/hardware/tracepoint_formats.h"

namespace ringside::exits {
namespace {

using x86::VirtualizationKind;

KvmTracepoints tracepoints(std::string_view exit = kExitFormat618) {
    KvmTracepoints all;
    all.exit = parse_tracepoint_format(exit).value();
    all.entry = parse_tracepoint_format(kEntryFormat618).value();
    for (const std::string_view text : {kMsrFormat618, kCpuidFormat618, kPageFaultFormat618})
        all.details.push_back(parse_tracepoint_format(text).value());
    return all;
}

using Fields = std::vector<std::pair<const char*, std::uint64_t>>;

// A raw record as the kernel would lay it out.
std::vector<std::byte> raw(const TracepointFormat& format, const Fields& fields) {
    std::vector<std::byte> record(128);
    const auto set = [&](const char* name, std::uint64_t value) {
        const TracepointField* field = format.find(name);
        ASSERT_NE(field, nullptr) << name;
        std::memcpy(&record[field->offset], &value, field->size);
    };
    set("common_type", format.id);
    for (const auto& [name, value] : fields)
        set(name, value);
    return record;
}

// One exit, with what comes between it and the next entry.
HardwareRecord decode_one(const KvmTracepoints& all, const Fields& exit,
                          const std::vector<std::vector<std::byte>>& between = {}) {
    HardwareExitDecoder decoder(all);
    EXPECT_FALSE(decoder.decode(raw(all.entry, {}), 100));
    EXPECT_FALSE(decoder.decode(raw(all.exit, exit), 150));
    for (const auto& record : between)
        EXPECT_FALSE(decoder.decode(record, 160));
    const auto finished = decoder.decode(raw(all.entry, {}), 200);
    EXPECT_TRUE(finished);
    EXPECT_EQ(decoder.unpaired(), 0U);
    return finished.value_or(LevelledExit{}).hardware;
}

TEST(HardwareExits, AnExitIsPairedWithTheEntriesAroundIt) {
    const KvmTracepoints all = tracepoints();
    const HardwareRecord vmx =
        decode_one(all, {{"isa", 1}, {"exit_reason", 12}, {"guest_rip", 0xffffffff81000000}});
    EXPECT_EQ(vmx.record.entered, 100U);
    EXPECT_EQ(vmx.record.exited, 150U);
    EXPECT_EQ(vmx.record.handled, 200U);
    EXPECT_EQ(vmx.record.rip, 0xffffffff81000000U);
    EXPECT_EQ(vmx.record.reason, 12U);
    EXPECT_EQ(vmx.exit.kind, VirtualizationKind::Vmx);
}

TEST(HardwareExits, PortAccess) {
    const KvmTracepoints all = tracepoints();
    const HardwareRecord vmx = decode_one(all, {{"isa", 1}, {"exit_reason", 30}, {"info1", 0x3f80008}});
    EXPECT_EQ(vmx.record.address, 0x3f8U);
    EXPECT_EQ(vmx.record.direction, Direction::Read);
    EXPECT_EQ(vmx.record.size, 1U);
    const HardwareRecord svm = decode_one(all, {{"isa", 2}, {"exit_reason", 0x7b}, {"info1", 0xcf80040}});
    EXPECT_EQ(svm.record.address, 0xcf8U);
    EXPECT_EQ(svm.record.direction, Direction::Write);
    EXPECT_EQ(svm.record.size, 4U);
}

TEST(HardwareExits, DetailsComeFromTheOtherTracepoints) {
    const KvmTracepoints all = tracepoints();
    const auto& [msr, cpuid, fault] = std::tie(all.details[0], all.details[1], all.details[2]);
    const HardwareRecord write =
        decode_one(all, {{"isa", 1}, {"exit_reason", 32}}, {raw(msr, {{"ecx", 0xc0000082}, {"write", 1}})});
    EXPECT_EQ(write.record.address, 0xc0000082U);
    EXPECT_EQ(write.record.direction, Direction::Write);
    EXPECT_EQ(decode_one(all, {{"isa", 2}, {"exit_reason", 0x72}}, {raw(cpuid, {{"function", 0x40000000}})})
                  .record.address,
              0x40000000U);
    const HardwareRecord ept = decode_one(all, {{"isa", 1}, {"exit_reason", 48}, {"info1", 0x182}},
                                          {raw(fault, {{"fault_address", 0xfee000b0}})});
    EXPECT_EQ(ept.record.address, 0xfee000b0U);
    EXPECT_EQ(ept.exit.gpa, Gpa{0xfee000b0});
    EXPECT_EQ(ept.record.direction, Direction::Write);
    // Where no event tells the address it is not made up.
    EXPECT_EQ(decode_one(all, {{"isa", 2}, {"exit_reason", 0x7c}}).record.address, kUnknownAddress);
    EXPECT_EQ(decode_one(all, {{"isa", 1}, {"exit_reason", 48}}).record.address, kUnknownAddress);
    // Not of this exit's kind: no address.
    EXPECT_EQ(decode_one(all, {{"isa", 1}, {"exit_reason", 12}}, {raw(msr, {{"ecx", 7}})}).record.address,
              0U);
}

TEST(HardwareExits, WordsHaveWhatTheOtherTracepointsTold) {
    const KvmTracepoints all = tracepoints();
    const auto words = [](const HardwareRecord& exit) {
        return describe_hardware_exit(exit.record, exit.exit);
    };
    EXPECT_EQ(words(decode_one(all, {{"isa", 1}, {"exit_reason", 32}},
                               {raw(all.details[0], {{"ecx", 0xc0000082}, {"write", 1}, {"data", 0x1234}})})),
              "wrmsr 0xc0000082 IA32_LSTAR: 0x1234");
    EXPECT_EQ(words(decode_one(all, {{"isa", 2}, {"exit_reason", 0x7c}, {"info1", 0}},
                               {raw(all.details[0], {{"ecx", 0x4b564dfe}, {"data", 7}})})),
              "rdmsr 0x4b564dfe: 0x7");
    EXPECT_EQ(words(decode_one(all, {{"isa", 2}, {"exit_reason", 0x72}},
                               {raw(all.details[1], {{"function", 0x40000000}})})),
              "leaf 0x40000000");
    EXPECT_EQ(words(decode_one(all, {{"isa", 1}, {"exit_reason", 30}, {"info1", 0x3f80000}})),
              "out 0x3f8, 1 byte");
    EXPECT_EQ(words(decode_one(all, {{"isa", 1}, {"exit_reason", 32}})),
              "wrmsr; KVM's events do not say which MSR");
}

TEST(HardwareExits, SvmNamesTheFaultingAddressItself) {
    const HardwareRecord npf = decode_one(
        tracepoints(), {{"isa", 2}, {"exit_reason", 0x400}, {"info1", 0x100000006}, {"info2", 0xd0000000}});
    EXPECT_EQ(npf.record.address, 0xd0000000U);
    EXPECT_EQ(npf.record.direction, Direction::Write);
}

TEST(HardwareExits, EntryFailureKeepsItsBasicReason) {
    const HardwareRecord failed = decode_one(tracepoints(), {{"isa", 1}, {"exit_reason", 0x80000021}});
    EXPECT_EQ(failed.record.reason, 33U);
    EXPECT_TRUE(x86::is_entry_failure(failed.exit));
}

TEST(HardwareExits, OlderKernelsHaveFewerFields) {
    const HardwareRecord exit = decode_one(tracepoints(kExitFormatOld), {{"isa", 1}, {"exit_reason", 10}});
    EXPECT_EQ(exit.record.reason, 10U);
    EXPECT_EQ(exit.exit.intr_info, 0U);
}

TEST(HardwareExits, LostRecordsAreNeverPairedAcross) {
    const KvmTracepoints all = tracepoints();
    HardwareExitDecoder decoder(all);
    const auto exit = raw(all.exit, {{"isa", 1}, {"exit_reason", 12}});
    EXPECT_FALSE(decoder.decode(exit, 10));
    EXPECT_FALSE(decoder.decode(exit, 20));  // its entry is missing
    EXPECT_EQ(decoder.unpaired(), 1U);
    decoder.forget();
    EXPECT_EQ(decoder.unpaired(), 2U);
    EXPECT_FALSE(decoder.decode(raw(all.entry, {}), 30));
}

TEST(HardwareExits, ForeignAndShortRecordsAreLeftAlone) {
    const KvmTracepoints all = tracepoints();
    HardwareExitDecoder decoder(all);
    const std::vector<std::byte> whole = raw(all.exit, {{"isa", 1}, {"exit_reason", 12}});
    for (std::size_t size = 0; size < 64; ++size)
        EXPECT_FALSE(decoder.decode(std::span(whole).first(size), 1));
    EXPECT_FALSE(decoder.decode(std::vector<std::byte>(64, std::byte{0xff}), 1));
    const auto strange = raw(all.exit, {{"isa", 9}});
    EXPECT_FALSE(decoder.decode(strange, 1));
}

TEST(TracepointReasons, NamesOfTheRunningKernelComeFirst) {
    const auto format = parse_tracepoint_format(kExitFormat618).value();
    const TracepointReasons vmx(VirtualizationKind::Vmx, format);
    EXPECT_EQ(vmx.name(84), "MSR_READ_IMM") << "newer than arch's table";
    EXPECT_EQ(vmx.find("msr_read_imm"), 84U);
    EXPECT_EQ(vmx.name(11), x86::exit_name(VirtualizationKind::Vmx, 11)) << "not in the kernel's table";
    EXPECT_EQ(vmx.name(0x1234), "0x1234");
    const TracepointReasons svm(VirtualizationKind::Svm, format);
    EXPECT_EQ(svm.name(0x400), "NPF");
    EXPECT_EQ(svm.name(0x4e), "PF_EXCP");
    EXPECT_EQ(svm.find("cpuid"), 0x72U);
}

// ---- A guest that is a hypervisor

struct Nested {
    Nested() {
        for (const std::string_view text :
             {kNestedExitFormat61, kNestedInjectFormat61, kNestedEnterFormat61, kNestedFailedFormat61})
            all.details.push_back(parse_tracepoint_format(text).value());
    }
    const TracepointFormat& format(std::string_view name) const {
        return *std::ranges::find(all.details, name, &TracepointFormat::name);
    }
    void exit(std::uint32_t reason) {
        decoder.decode(raw(all.exit, {{"isa", 1}, {"exit_reason", reason}}), 10);
    }
    void of_l2() { decoder.decode(raw(format("kvm_nested_vmexit"), {{"isa", 1}}), 11); }
    void inject(std::uint32_t reason) {
        decoder.decode(raw(format("kvm_nested_vmexit_inject"), {{"isa", 1}, {"exit_code", reason}}), 12);
    }
    ExitLevel enter() { return decoder.decode(raw(all.entry, {}), 20)->level; }

    KvmTracepoints all = tracepoints();
    HardwareExitDecoder decoder{all};
};

TEST(NestedExits, TheLevelThatMadeAnExitAndWhoHandlesIt) {
    EXPECT_FALSE(tracepoints().tell_levels());
    Nested nested;
    EXPECT_TRUE(nested.all.tell_levels());
    nested.exit(10);
    EXPECT_EQ(nested.enter(), ExitLevel::L1);
    nested.exit(48);
    nested.of_l2();
    EXPECT_EQ(nested.enter(), ExitLevel::L2ByKvm);
    nested.exit(10);
    nested.of_l2();
    nested.inject(10);
    EXPECT_EQ(nested.decoder.made(), std::nullopt) << "it is the hardware's";
    EXPECT_EQ(nested.enter(), ExitLevel::L2ByHypervisor);
    EXPECT_TRUE(nested.decoder.hypervisor().made.empty());
}

TEST(NestedExits, AnInterruptOfTheHostsIsKvmsEvenIfL1GetsOneOfItsOwnThen) {
    Nested nested;
    nested.exit(1);
    nested.of_l2();
    nested.inject(1);
    EXPECT_EQ(nested.decoder.made(), 1U);
    EXPECT_EQ(nested.enter(), ExitLevel::L2ByKvm);
    EXPECT_EQ(nested.decoder.made(), std::nullopt);
    EXPECT_EQ(nested.decoder.hypervisor().made.at(1), 1U);
    nested.inject(7);  // with no exit before it
    EXPECT_EQ(nested.decoder.hypervisor().made.at(7), 1U);
}

TEST(NestedExits, AVmExitRightAfterTheVmEntryIsMadeByKvm) {
    Nested nested;
    nested.exit(24);  // L1's VMRESUME
    nested.inject(1);
    EXPECT_EQ(nested.decoder.made(), 1U);
    nested.exit(12);
    EXPECT_EQ(nested.decoder.made(), std::nullopt);
}

TEST(NestedExits, EntriesAreCountedByVmcsWithinABound) {
    Nested nested;
    const auto& enter = nested.format("kvm_nested_vmenter");
    for (std::uint64_t i = 0; i < HypervisorEvents::kMostControls + 3; ++i)
        nested.decoder.decode(raw(enter, {{"vmcb", i * 0x1000}}), 1);
    nested.decoder.decode(raw(enter, {{"vmcb", 0x1000}}), 1);
    const HypervisorEvents& events = nested.decoder.hypervisor();
    EXPECT_EQ(events.entries.size(), HypervisorEvents::kMostControls);
    EXPECT_EQ(events.entries.at(0x1000), 2U);
    EXPECT_EQ(events.other_entries, 3U);
    HypervisorEvents twice = events;
    twice += events;
    EXPECT_EQ(twice.entries.at(0x1000), 4U);
    EXPECT_EQ(twice.other_entries, 6U);
    nested.decoder.reset_hypervisor();
    EXPECT_TRUE(nested.decoder.hypervisor().entries.empty());
}

TEST(NestedExits, KvmsOwnCheckIsNamedUntilTheNextExit) {
    Nested nested;
    nested.exit(20);
    const std::string_view check = "!page_address_valid(vcpu, addr)";
    auto record =
        raw(nested.format("kvm_nested_vmenter_failed"), {{"msg", 16 | (check.size() + 1) << 16}, {"err", 7}});
    std::memcpy(&record[16], check.data(), check.size());
    nested.decoder.decode(record, 11);
    EXPECT_EQ(nested.decoder.entry_failure(), check);
    EXPECT_EQ(nested.decoder.hypervisor().failed_entries, 1U);
    nested.exit(10);
    EXPECT_EQ(nested.decoder.entry_failure(), "");
    record = raw(nested.format("kvm_nested_vmenter_failed"), {{"msg", 0xffffffff}});  // outside of the record
    nested.decoder.decode(record, 12);
    EXPECT_EQ(nested.decoder.entry_failure(), "");
}

}  // namespace
}  // namespace ringside::exits
