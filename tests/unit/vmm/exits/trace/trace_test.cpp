// The whole way of a trace: ring, writer, file, reader.
#include "vmm/exits/trace/trace_writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <thread>

#include "tests/unit/vmm/exits/record/exit_builders.h"
#include "tests/unit/vmm/exits/temporary_file.h"
#include "vmm/exits/record/recorder.h"
#include "vmm/exits/trace/trace_reader.h"

namespace ringside::exits {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr TraceBounds kSmall{4096, 4};

std::vector<PackedExit> packed(std::uint64_t first, std::uint64_t count) {
    std::vector<PackedExit> exits;
    for (std::uint64_t i = first; i < first + count; ++i)
        exits.push_back(pack(access(kIo, Direction::Write, 1, i, 100 * i, 50, 10)));
    return exits;
}

TraceSegments segments(const TemporaryFile& file, TraceBounds bounds = {}) {
    auto created =
        TraceSegments::create(file.path(), {"kernel.elf", "2026-01-01T00:00:00Z"}, {1000, 500}, bounds);
    EXPECT_TRUE(created) << created.error().message();
    return std::move(*created);
}

TEST(Trace, ComesBackAsItWasWritten) {
    const TemporaryFile file;
    TscClock clock;
    auto writer = TraceWriter::start(file.path(), 2, {"kernel.elf", "2026-01-01T00:00:00Z"}, clock);
    ASSERT_TRUE(writer) << writer.error().message();
    VcpuRecorder first;
    VcpuRecorder second;
    first.trace_to(&(*writer)->ring(VcpuIndex{0}));
    second.trace_to(&(*writer)->ring(VcpuIndex{1}));
    for (std::uint64_t i = 0; i < 1000; ++i) {
        first.record(access(kIo, Direction::Write, 1, 0x3f8, 100 * i, 50, 10));
        second.record(access(kMmio, Direction::Read, 4, 0xd0000000 + i % 4, 100 * i, 50, 10));
    }
    ASSERT_TRUE((*writer)->finish());

    const auto recording = read_trace(file.path());
    ASSERT_TRUE(recording) << recording.error().message();
    EXPECT_TRUE(recording->userspace.complete);
    EXPECT_THAT(describe_losses(recording->userspace), IsEmpty());
    EXPECT_EQ(recording->userspace.info.kernel, "kernel.elf");
    EXPECT_EQ(recording->userspace.info.origin, clock.start().ticks);
    ASSERT_THAT(recording->userspace.vcpus, SizeIs(2));
    EXPECT_EQ(recording->userspace.vcpus[0].statistics.keys, first.snapshot().keys);
    EXPECT_EQ(recording->userspace.vcpus[1].statistics.keys, second.snapshot().keys);
    ASSERT_THAT(recording->userspace.vcpus[1].statistics.recent, SizeIs(1000));
    EXPECT_EQ(recording->userspace.vcpus[1].statistics.recent[7].address, 0xd0000003U);
}

TEST(Trace, RateComesFromTheFile) {
    const TemporaryFile file;
    ASSERT_TRUE(segments(file).append_exits(0, 0, {}, packed(0, 1)));
    const auto recording = read_trace(file.path());
    ASSERT_TRUE(recording);
    const double expected = TscClock().rate().nanoseconds_per_tick;
    EXPECT_GT(recording->userspace.rate.nanoseconds_per_tick, 0.0);
    EXPECT_NE(recording->userspace.rate, TickRate{}) << expected;
}

HardwareRecord hardware_exit(std::uint64_t number) {
    HardwareRecord hardware;
    hardware.record = access(48, Direction::Write, 0, 0xd0000000 + number, 100 * number, 50, 10);
    hardware.exit.reason = 48;
    hardware.exit.info1 = 0x182;
    hardware.exit.info2 = number;
    hardware.exit.intr_info = 0x80000b0e;
    hardware.exit.error_code = 7;
    hardware.exit.gpa = x86::Gpa{0xd0000000 + number};
    return hardware;
}

TEST(Trace, HardwareExitsComeBackWithTheirQualifications) {
    const TemporaryFile file;
    TscClock clock;
    auto writer = TraceWriter::start(file.path(), 2, {"kernel.elf", ""}, clock);
    ASSERT_TRUE(writer);
    RecordingInfo info{"kernel.elf", ""};
    info.hardware = HardwareDescription{x86::VirtualizationKind::Svm, {{0x400, "npf"}, {0xffffffff, "ERR"}}};
    info.slide = -0x1000;
    (*writer)->add_hardware_rings();
    (*writer)->update(info);
    (*writer)->ring(VcpuIndex{0}).push(access(kIo, Direction::Write, 1, 0x3f8));
    HardwareTraceRing& ring = (*writer)->hardware_ring(VcpuIndex{1});
    for (std::uint64_t i = 0; i < 10; ++i)
        ring.push(hardware_exit(i));
    ring.lost.set(3);
    ring.unpaired.set(1);
    ASSERT_TRUE((*writer)->finish());

    const auto recording = read_trace(file.path());
    ASSERT_TRUE(recording) << recording.error().message();
    EXPECT_EQ(recording->userspace.info.hardware, info.hardware);
    EXPECT_EQ(recording->userspace.info.slide, -0x1000);
    ASSERT_THAT(recording->userspace.vcpus, SizeIs(1));
    EXPECT_THAT(recording->userspace.vcpus[0].statistics.recent, SizeIs(1));
    ASSERT_TRUE(recording->hardware);
    EXPECT_EQ(recording->hardware->info.origin, clock.start().nanoseconds);
    ASSERT_THAT(recording->hardware->vcpus, SizeIs(1));
    const VcpuRecording& vcpu = recording->hardware->vcpus[0];
    EXPECT_EQ(vcpu.vcpu, 1U);
    EXPECT_EQ(vcpu.lost, 3U);
    EXPECT_EQ(vcpu.unpaired, 1U);
    EXPECT_EQ(vcpu.statistics.recorded, 10U);
    ASSERT_THAT(vcpu.hardware, SizeIs(10));
    for (std::uint64_t i = 0; i < 10; ++i)
        EXPECT_EQ(pack(HardwareRecord{vcpu.statistics.recent[i], vcpu.hardware[i]}), pack(hardware_exit(i)));
}

TEST(Trace, BothTiersShareTheBound) {
    const TemporaryFile file;
    auto out = segments(file, kSmall);
    constexpr std::uint64_t kExits = 1000;
    for (std::uint64_t i = 0; i < kExits; ++i) {
        ASSERT_TRUE(out.append_exits(0, i, {}, packed(i, 1)));
        const std::vector<PackedHardwareExit> hardware = {pack(hardware_exit(i))};
        ASSERT_TRUE(out.append_hardware_exits(0, i, {}, hardware));
    }
    RecordingInfo info;
    info.hardware = HardwareDescription{};
    ASSERT_TRUE(out.append_info(info));
    EXPECT_LE(file.read().size(), sizeof(TraceFileHeader) + kSmall.segments * kSmall.segment_bytes);
    const auto recording = read_trace(file.path());
    ASSERT_TRUE(recording && recording->hardware);
    for (const Recording* tier : {&recording->userspace, &*recording->hardware}) {
        const VcpuRecording& vcpu = tier->vcpus.at(0);
        EXPECT_GT(vcpu.overwritten, 0U);
        EXPECT_EQ(vcpu.overwritten + vcpu.statistics.recent.size(), kExits);
    }
}

TEST(Trace, WhatIsSaidOfARunHasABoundToo) {
    const TemporaryFile file;
    auto out = segments(file, kSmall);
    EXPECT_THAT(out.append_info({std::string(4096, 'k'), ""}).error().message(), HasSubstr("too long"));
}

TEST(Trace, StaysWithinItsBoundAndSaysWhatItLetGo) {
    const TemporaryFile file;
    auto out = segments(file, kSmall);
    constexpr std::uint64_t kExits = 10'000;
    for (std::uint64_t i = 0; i < kExits; i += 100)
        ASSERT_TRUE(out.append_exits(0, i, {}, packed(i, 100)));
    ASSERT_TRUE(out.append_end());
    EXPECT_LE(file.read().size(), sizeof(TraceFileHeader) + kSmall.segments * kSmall.segment_bytes);

    const auto recording = read_trace(file.path());
    ASSERT_TRUE(recording);
    ASSERT_THAT(recording->userspace.vcpus, SizeIs(1));
    const VcpuRecording& vcpu = recording->userspace.vcpus[0];
    const auto& kept = vcpu.statistics.recent;
    ASSERT_FALSE(kept.empty());
    EXPECT_EQ(kept.back().address, kExits - 1) << "the newest are kept";
    EXPECT_EQ(vcpu.overwritten + kept.size(), kExits);
    for (std::size_t i = 1; i < kept.size(); ++i)
        ASSERT_EQ(kept[i].address, kept[i - 1].address + 1);
    EXPECT_THAT(describe_losses(recording->userspace),
                ElementsAre(HasSubstr("let go to stay within bounds")));
}

TEST(Trace, DropsAreCountedAndReported) {
    const TemporaryFile file;
    auto out = segments(file);
    ASSERT_TRUE(out.append_exits(3, 0, {7, 0, 0}, packed(0, 2)));
    ASSERT_TRUE(out.append_exits(3, 2, {9, 0, 0}, {}));
    ASSERT_TRUE(out.append_end());
    const auto recording = read_trace(file.path());
    ASSERT_TRUE(recording);
    EXPECT_EQ(recording->userspace.vcpus.at(0).vcpu, 3U);
    EXPECT_EQ(recording->userspace.vcpus.at(0).dropped, 9U);
    EXPECT_THAT(describe_losses(recording->userspace),
                ElementsAre("vCPU 3: 9 exits came faster than they could be written, and are missing"));
}

// The file of that many exits, in blocks of ten.
std::string trace_of(std::uint64_t exits) {
    const TemporaryFile file;
    auto out = segments(file, kSmall);
    for (std::uint64_t i = 0; i < exits; i += 10)
        EXPECT_TRUE(out.append_exits(0, i, {}, packed(i, 10)));
    EXPECT_TRUE(out.append_end());
    return file.read();
}

// A writer that was killed leaves any prefix of what it wrote: all whole blocks of it can be read.
TEST(Trace, EveryPrefixCanBeRead) {
    const std::string whole = trace_of(60);

    std::size_t previous = 0;
    // Steps that end inside the last block, of 24 bytes: then every exit is there, but not the mark of a
    // whole file.
    constexpr std::size_t kStep = 23;
    for (std::size_t size = whole.size() % kStep; size < whole.size(); size += kStep) {
        const TemporaryFile cut(whole.substr(0, size));
        const auto recording = read_trace(cut.path());
        const std::size_t exits = recording && !recording->userspace.vcpus.empty()
                                      ? recording->userspace.vcpus[0].statistics.recent.size()
                                      : 0;
        ASSERT_GE(exits, previous) << size;
        previous = exits;
        EXPECT_FALSE(recording && recording->userspace.complete) << size;
    }
    EXPECT_EQ(previous, 60U);
}

TEST(Trace, DamageCostsNoMoreThanItsSegment) {
    const std::string whole = trace_of(200);
    for (std::size_t i = 0; i < whole.size(); i += 101) {
        std::string damaged = whole;
        damaged[i] = static_cast<char>(~damaged[i]);
        const TemporaryFile copy(damaged);
        const auto recording = read_trace(copy.path());
        if (i < sizeof(TraceFileHeader))
            continue;
        ASSERT_TRUE(recording) << i;
        EXPECT_GE(recording->userspace.vcpus.at(0).statistics.recent.size(), 100U) << i;
    }
}

TEST(Trace, BlocksOfAnEarlierLapAreNotTaken) {
    const TemporaryFile file;
    auto out = segments(file, kSmall);
    // Fills all segments, then begins the first again: old blocks still follow the new ones.
    std::uint64_t written = 0;
    for (; written < 300; written += 10)
        ASSERT_TRUE(out.append_exits(0, written, {}, packed(written, 10)));
    const auto recording = read_trace(file.path());
    ASSERT_TRUE(recording);
    const auto& kept = recording->userspace.vcpus.at(0).statistics.recent;
    for (std::size_t i = 1; i < kept.size(); ++i)
        ASSERT_EQ(kept[i].address, kept[i - 1].address + 1);
    EXPECT_EQ(kept.back().address, 299U);
    EXPECT_GT(recording->userspace.vcpus[0].overwritten, 0U);
}

TEST(Trace, ErrorsSayWhatIsWrong) {
    EXPECT_THAT(read_trace("/nonexistent.trace").error().message(), HasSubstr("No such file"));
    EXPECT_THAT(read_trace("/").error().message(), HasSubstr("not a regular file"));
    const TemporaryFile text(std::string("hello, this is not a trace"));
    EXPECT_THAT(read_trace(text.path()).error().message(), HasSubstr("--exit-trace"));
    EXPECT_THAT(TraceSegments::create("/nonexistent/x.trace", {}, {}, {}).error().message(),
                HasSubstr("write trace /nonexistent/x.trace: No such file"));
    EXPECT_THAT(TraceSegments::create("/tmp/x", {}, {}, {100, 4}).error().message(), HasSubstr("too small"));
}

TEST(Trace, AFullDiskEndsTheRecordingInWords) {
    TscClock clock;
    EXPECT_THAT(TraceWriter::start("/dev/full", 1, {}, clock).error().message(), HasSubstr("No space left"));
}

TEST(TraceRing, DropsWhatDoesNotFitAndContinues) {
    TraceWakeup wakeup;
    TraceRing ring(wakeup);
    for (std::uint64_t i = 0; i < TraceRing::kCapacity + 5; ++i)
        ring.push(access(kIo, Direction::Read, 1, i));
    EXPECT_EQ(ring.dropped(), 5U);
    TraceRing::Batch batch = ring.drain(10);
    EXPECT_THAT(batch.exits, SizeIs(10));
    EXPECT_EQ(batch.dropped, 5U);
    ring.push(access(kIo, Direction::Read, 1, 0x1234));
    batch = ring.drain(TraceRing::kCapacity);
    EXPECT_EQ(batch.first, 10U);
    EXPECT_EQ(unpack(batch.exits.back()).address, 0x1234U);
    EXPECT_TRUE(ring.empty());
}

// Faster than any disk: nothing is lost but what was counted, and the order holds.
TEST(TraceRing, EveryExitIsWrittenOrCounted) {
    const TemporaryFile file;
    TscClock clock;
    auto writer = TraceWriter::start(file.path(), 1, {}, clock);
    ASSERT_TRUE(writer);
    constexpr std::uint64_t kExits = 300'000;
    std::thread vcpu([&ring = (*writer)->ring(VcpuIndex{0})] {
        for (std::uint64_t i = 0; i < kExits; ++i)
            ring.push(access(kIo, Direction::Write, 1, i));
    });
    vcpu.join();
    ASSERT_TRUE((*writer)->finish());
    const auto recording = read_trace(file.path());
    ASSERT_TRUE(recording);
    const VcpuRecording& written = recording->userspace.vcpus.at(0);
    EXPECT_EQ(written.statistics.recent.size() + written.dropped, kExits);
    for (std::size_t i = 1; i < written.statistics.recent.size(); ++i)
        ASSERT_LT(written.statistics.recent[i - 1].address, written.statistics.recent[i].address);
}

}  // namespace
}  // namespace ringside::exits
