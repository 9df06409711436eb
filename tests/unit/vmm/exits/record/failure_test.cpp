// From raw kvm_run pages, as KVM's source fills them in.
#include "vmm/exits/record/failure.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <memory>

namespace ringside::exits {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using x86::VirtualizationKind;

std::unique_ptr<kvm_run> internal_error(std::uint32_t suberror, const std::vector<std::uint64_t>& data) {
    auto run = std::make_unique<kvm_run>();
    run->exit_reason = KVM_EXIT_INTERNAL_ERROR;
    run->internal.suberror = suberror;
    run->internal.ndata = static_cast<std::uint32_t>(data.size());
    std::copy(data.begin(), data.end(), run->internal.data);
    return run;
}

// `flds (%rax)` followed by NOPs, as two words: a length byte and 15 bytes.
std::vector<std::uint64_t> with_instruction(std::uint64_t flags, const std::vector<std::uint64_t>& exit) {
    std::array<std::uint8_t, 16> bytes{2, 0xd9, 0x00};
    std::fill(bytes.begin() + 3, bytes.end(), std::uint8_t{0x90});
    std::array<std::uint64_t, 2> words{};
    std::memcpy(words.data(), bytes.data(), bytes.size());
    std::vector<std::uint64_t> data{flags, words[0], words[1]};
    data.insert(data.end(), exit.begin(), exit.end());
    return data;
}

std::string noted(const kvm_run& run, HostKind kind) {
    ExitRecord record;
    record.reason = run.exit_reason;
    note_failure(record, run);
    return describe_failure(record, kind);
}

TEST(Failure, AnEmulationFailureHasItsBytesAndTheExitBehindThem) {
    const auto run =
        internal_error(KVM_INTERNAL_ERROR_EMULATION, with_instruction(1, {48, 0x181, 0, 0x80000b0e, 0x2}));
    EXPECT_THAT(
        describe_failure(*run, VirtualizationKind::Vmx),
        ElementsAre("KVM_EXIT_INTERNAL_ERROR: emulation failure", "the instruction as KVM fetched it: d9 00",
                    "KVM was handling exit EPT_VIOLATION (0x30): read, page ---",
                    "info1 0x181  info2 0x0  intr_info 0x80000b0e  error code 0x2"));
    EXPECT_EQ(noted(*run, VirtualizationKind::Vmx), "emulation failure, exit EPT_VIOLATION (0x30)");
}

TEST(Failure, SvmIsNamedAsWell) {
    const auto run = internal_error(KVM_INTERNAL_ERROR_EMULATION,
                                    with_instruction(1, {0x400, 0x100000006, 0xd0000000, 0, 0}));
    EXPECT_THAT(describe_failure(*run, VirtualizationKind::Svm),
                Contains("KVM was handling exit NPF (0x400): write, gpa 0xd0000000, page not present"));
}

TEST(Failure, WithoutBytesTheExitFollowsTheFlags) {
    const auto run = internal_error(KVM_INTERNAL_ERROR_EMULATION, {0, 10, 0, 0, 0, 0});
    EXPECT_THAT(describe_failure(*run, VirtualizationKind::Vmx),
                Contains("KVM was handling exit CPUID (0xa)"));
}

TEST(Failure, OlderKernelsSayLessAndNothingIsMadeUp) {
    const auto bare = internal_error(KVM_INTERNAL_ERROR_EMULATION, {});
    EXPECT_THAT(describe_failure(*bare, VirtualizationKind::Vmx), SizeIs(1));
    EXPECT_EQ(noted(*bare, VirtualizationKind::Vmx), "emulation failure");
    const auto bytes = internal_error(KVM_INTERNAL_ERROR_EMULATION, with_instruction(1, {}));
    EXPECT_THAT(describe_failure(*bytes, VirtualizationKind::Vmx), SizeIs(2));
    EXPECT_EQ(noted(*bytes, VirtualizationKind::Vmx), "emulation failure");
}

TEST(Failure, UnknownFlagsAndFurtherDataAreShownRaw) {
    const auto run = internal_error(KVM_INTERNAL_ERROR_EMULATION, {0x12, 10, 0, 0, 0, 0, 0xabc, 0xdef});
    const auto lines = describe_failure(*run, VirtualizationKind::Vmx);
    EXPECT_THAT(lines, Contains("emulation flags 0x12, of which 0x12 is not known here"));
    EXPECT_THAT(lines, Contains("further data of KVM's, undocumented: 0xabc 0xdef"));
}

TEST(Failure, AnUnknownProcessorGetsNumbers) {
    const auto run = internal_error(KVM_INTERNAL_ERROR_EMULATION, {0, 48, 0x181, 0, 0, 0});
    EXPECT_THAT(describe_failure(*run, std::nullopt), Contains("KVM was handling exit 0x30"));
    EXPECT_EQ(noted(*run, std::nullopt), "emulation failure, exit 0x30");
}

TEST(Failure, MoreDataThanThereCanBeIsCutShort) {
    const auto run = internal_error(99, {});
    run->internal.ndata = 0xffffffff;
    EXPECT_THAT(describe_failure(*run, VirtualizationKind::Vmx), SizeIs(2));
}

TEST(Failure, AnEventsDeliveryNamesTheEventAndTheExit) {
    // #PF with an error code was being delivered when an EPT misconfiguration came.
    const auto run = internal_error(KVM_INTERNAL_ERROR_DELIVERY_EV, {0x80000b0e, 49, 0, 0xfee00000, 3});
    EXPECT_THAT(describe_failure(*run, VirtualizationKind::Vmx),
                ElementsAre("KVM_EXIT_INTERNAL_ERROR: an exit while an event was delivered",
                            "being delivered: #PF", "the exit: EPT_MISCONFIG (0x31): gpa 0xfee00000",
                            "vectoring information 0x80000b0e  qualification 0x0", "gpa 0xfee00000",
                            "last entered on the host's CPU 3"));
    EXPECT_EQ(noted(*run, VirtualizationKind::Vmx),
              "an exit while an event was delivered, exit EPT_MISCONFIG (0x31)");
    const auto without_gpa = internal_error(KVM_INTERNAL_ERROR_DELIVERY_EV, {0x80000020, 30, 0x3f80000, 1});
    const auto lines = describe_failure(*without_gpa, VirtualizationKind::Vmx);
    EXPECT_THAT(lines, Contains("being delivered: external interrupt, vector 0x20"));
    EXPECT_THAT(lines, Contains("the exit: IO_INSTRUCTION (0x1e): out 0x3f8, 1 byte"));
    EXPECT_THAT(lines, Contains("last entered on the host's CPU 1"));
}

TEST(Failure, AnUnexpectedExitIsNamed) {
    const auto run = internal_error(KVM_INTERNAL_ERROR_UNEXPECTED_EXIT_REASON, {11, 2});
    EXPECT_THAT(describe_failure(*run, VirtualizationKind::Vmx),
                ElementsAre("KVM_EXIT_INTERNAL_ERROR: unexpected exit reason",
                            "KVM has no handler for exit GETSEC (0xb)", "last entered on the host's CPU 2"));
}

TEST(Failure, ARefusedEntryIsNamed) {
    kvm_run run{};
    run.exit_reason = KVM_EXIT_FAIL_ENTRY;
    run.fail_entry.hardware_entry_failure_reason = 0x80000021;
    run.fail_entry.cpu = 1;
    EXPECT_THAT(
        describe_failure(run, VirtualizationKind::Vmx),
        ElementsAre(HasSubstr("KVM_EXIT_FAIL_ENTRY"), HasSubstr("INVALID_STATE"), "on the host's CPU 1"));
    EXPECT_THAT(noted(run, VirtualizationKind::Vmx), HasSubstr("INVALID_STATE"));
}

TEST(Failure, OtherExitsAreNone) {
    kvm_run run{};
    run.exit_reason = KVM_EXIT_MMIO;
    EXPECT_THAT(describe_failure(run, VirtualizationKind::Vmx), IsEmpty());
    EXPECT_EQ(describe_failure(ExitRecord{}, VirtualizationKind::Vmx), "");
}

}  // namespace
}  // namespace ringside::exits
