#include "vmm/exits/report/tables.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/vmm/exits/record/exit_builders.h"
#include "vmm/exits/record/recorder.h"

namespace ringside::exits {
namespace {

using testing::HasSubstr;
using testing::Not;

const KvmReasons kReasons;

// Ticks are nanoseconds, so that the expected text can be checked by hand.
Source source() {
    return userspace_source(kReasons, TickRate{});
}

Names names() {
    Names names;
    names.device = [](AddressKind, std::uint64_t address) {
        return std::string(address == 0x3f8 ? "serial" : "");
    };
    names.symbol = [](std::uint64_t rip) { return std::string(rip == 0x1000 ? "putc+0x4" : ""); };
    names.instruction = [](const ExitRecord&) { return std::string("out dx, al"); };
    return names;
}

VcpuStatistics example() {
    VcpuRecorder recorder;
    for (std::uint64_t i = 0; i < 3; ++i) {
        ExitRecord out = access(kIo, Direction::Write, 1, 0x3f8, 10'000 * i, 4000, 1024);
        out.rip = 0x1000;
        out.value = 'A' + i;
        recorder.record(out);
    }
    recorder.record(access(0x2b, Direction::None, 0, 0, 50'000, 2'500'000, 0));
    return recorder.snapshot();
}

TEST(Tables, Summary) {
    EXPECT_EQ(to_text(summary_table(example(), source())),
              "userspace exits (KVM_EXIT_*)\n"
              "reason  count      %  in KVM_RUN  handled      p50      p90      p99      max\n"
              "IO          3   75.0     12.0 us  3.07 us  1.02 us  1.02 us  1.02 us  1.02 us\n"
              "0x2b        1   25.0     2.50 ms     0 ns     0 ns     0 ns     0 ns     0 ns\n"
              "total       4  100.0     2.51 ms  3.07 us  1.02 us  1.02 us  1.02 us  1.02 us\n");
}

TEST(Tables, ByPort) {
    EXPECT_EQ(to_text(address_table(example(), source(), AddressKind::Port, names())),
              "userspace exits (KVM_EXIT_*)\n"
              "port   name    access  size  accesses  count  in KVM_RUN  handled      p50      p90      p99  "
              "    max\n"
              "0x3f8  serial  write      1         3      3     12.0 us  3.07 us  1.02 us  1.02 us  1.02 us  "
              "1.02 us\n");
}

TEST(Tables, NoRowsOfOtherKinds) {
    EXPECT_EQ(to_text(address_table(example(), source(), AddressKind::Msr, names())),
              "userspace exits (KVM_EXIT_*)\n(none)\n");
}

TEST(Tables, HistogramShowsTheUsedRange) {
    VcpuRecorder recorder;
    for (int i = 0; i < 4; ++i)
        recorder.record(access(kIo, Direction::Write, 1, 0x3f8, 0, 0, 300));
    recorder.record(access(kIo, Direction::Read, 1, 0x3f9, 0, 0, 1500));
    recorder.record(access(kHlt, Direction::None, 0, 0, 0, 0, 1'000'000));
    EXPECT_EQ(to_text(histogram_table(recorder.snapshot(), source(), kIo)),
              "IO: handled, userspace exits (KVM_EXIT_*)\n"
              "   from    below  count\n"
              " 256 ns   512 ns      4  ########################################\n"
              " 512 ns  1.02 us      0\n"
              "1.02 us  2.05 us      1  ##########\n");
    EXPECT_THAT(to_text(histogram_table(recorder.snapshot(), source(), kMmio)), HasSubstr("(none)"));
}

TEST(Tables, LastCountsTimeFromTheFirstShown) {
    EXPECT_EQ(to_text(last_table(example(), source(), 2, names())),
              "userspace exits (KVM_EXIT_*)\n"
              "    time  reason  in KVM_RUN  handled  rip     symbol    instruction  detail\n"
              "   +0 ns  IO         4.00 us  1.02 us  0x1000  putc+0x4  out dx, al   write 1 byte to port "
              "0x3f8: 0x43\n"
              "+2.53 ms  0x2b       2.50 ms     0 ns\n");
}

TEST(Tables, DetailCanBeReplaced) {
    Names with_detail = names();
    with_detail.detail = [](const ExitRecord&) { return std::string("EPT violation: write"); };
    EXPECT_THAT(to_text(last_table(example(), source(), 1, with_detail)), HasSubstr("EPT violation: write"));
}

TEST(Tables, HotAddressesSayWhatTheyDoNotKnow) {
    EXPECT_EQ(to_text(hot_table(example(), source(), 10, names())),
              "userspace exits (KVM_EXIT_*)\n"
              "rip     symbol    count     %  at least  last reason\n"
              "0x1000  putc+0x4      3  75.0         3  IO\n"
              "1 exits came without their guest address: this host does not share registers\n");
}

TEST(Tables, MissingNamesLeaveTheColumnOut) {
    EXPECT_THAT(to_text(hot_table(example(), source(), 10, Names{})), HasSubstr("0x1000      3"));
}

TEST(Tables, DiffHoldsOnlyWhatWasAdded) {
    VcpuRecorder recorder;
    recorder.record(access(kIo, Direction::Write, 1, 0x3f8, 0, 0, 300));
    const VcpuStatistics earlier = recorder.snapshot();
    recorder.record(access(kMmio, Direction::Write, 4, 0xd0000000, 10, 0, 300));
    const std::string text = to_text(diff_table(recorder.snapshot(), earlier, source()));
    EXPECT_THAT(text, HasSubstr("MMIO"));
    EXPECT_THAT(text, Not(HasSubstr("\nIO ")));
}

TEST(Tables, AccessInWords) {
    ExitRecord exit = access(kIo, Direction::Write, 1, 0x3f8);
    exit.value = 0x41;
    EXPECT_EQ(describe_access(exit, AddressKind::Port), "write 1 byte to port 0x3f8: 0x41");
    exit.count = 3;
    EXPECT_EQ(describe_access(exit, AddressKind::Port), "write 1 byte to port 0x3f8: 0x41 and 2 more");
    exit = access(kMmio, Direction::Read, 4, 0xd0000000);
    EXPECT_EQ(describe_access(exit, AddressKind::Memory), "read 4 bytes from gpa 0xd0000000: 0x0");
    exit = access(29, Direction::Read, 8, 0xc0000082);
    EXPECT_EQ(describe_access(exit, AddressKind::Msr), "read from msr 0xc0000082: 0x0");
    EXPECT_EQ(describe_access(access(10, Direction::None, 0, 1), AddressKind::CpuidLeaf), "leaf 0x1");
    EXPECT_EQ(describe_access(access(kHlt, Direction::None, 0, 0), AddressKind::None), "");
}

TEST(Tables, DurationsHaveThreeDigits) {
    EXPECT_EQ(format_duration(0), "0 ns");
    EXPECT_EQ(format_duration(999.4), "999 ns");
    EXPECT_EQ(format_duration(999.6), "1.00 us");
    EXPECT_EQ(format_duration(1234), "1.23 us");
    EXPECT_EQ(format_duration(45'600), "45.6 us");
    EXPECT_EQ(format_duration(999'400), "999 us");
    EXPECT_EQ(format_duration(999'600), "1.00 ms");
    EXPECT_EQ(format_duration(12.3e9), "12.3 s");
    EXPECT_EQ(format_duration(12345e9), "12345 s");
}

}  // namespace
}  // namespace ringside::exits
