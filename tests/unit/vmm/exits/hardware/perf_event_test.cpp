// The perf machinery on a tracepoint that needs no guest: this thread's own system calls.
#include "vmm/exits/hardware/perf_event.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <fstream>
#include <iterator>

#include "vmm/exits/hardware/tracefs.h"

namespace ringside::exits {
namespace {

using testing::HasSubstr;

pid_t this_thread() {
    return static_cast<pid_t>(::syscall(SYS_gettid));
}

class PerfEvent : public testing::Test {
  protected:
    void SetUp() override {
        for (const std::filesystem::path& root : tracefs_locations()) {
            std::ifstream file(root / "events/raw_syscalls/sys_enter/format");
            const std::string text{std::istreambuf_iterator<char>(file), {}};
            if (const auto format = parse_tracepoint_format(text)) {
                format_ = *format;
                return;
            }
        }
        GTEST_SKIP() << "tracefs with raw_syscalls is not mounted, or not permitted";
    }
    TracepointFormat format_;
};

TEST_F(PerfEvent, RingHoldsTheRecordsInOrder) {
    auto ring = PerfRing::open(this_thread(), std::array{format_.id}, 8);
    if (!ring)
        GTEST_SKIP() << ring.error().message();
    for (int i = 0; i < 3; ++i)
        ::syscall(SYS_getppid);
    std::vector<std::uint64_t> times;
    std::uint64_t lost = 0;
    ring->drain(
        [&](std::span<const std::byte> raw, std::uint64_t time) {
            EXPECT_EQ(format_.read(raw, "common_type"), format_.id);
            if (format_.read(raw, "id") == static_cast<std::uint64_t>(SYS_getppid))
                times.push_back(time);
        },
        [&](std::uint64_t records) { lost += records; });
    EXPECT_EQ(times.size(), 3U);
    EXPECT_TRUE(std::is_sorted(times.begin(), times.end()));
    EXPECT_EQ(lost, 0U);
}

TEST_F(PerfEvent, AFullRingSaysHowMuchWasLost) {
    auto ring = PerfRing::open(this_thread(), std::array{format_.id}, 1);
    if (!ring)
        GTEST_SKIP() << ring.error().message();
    constexpr std::uint64_t kCalls = 2000;
    std::uint64_t seen = 0;
    std::uint64_t lost = 0;
    const auto drain = [&] {
        ring->drain([&](std::span<const std::byte>, std::uint64_t) { ++seen; },
                    [&](std::uint64_t records) { lost += records; });
    };
    for (std::uint64_t i = 0; i < kCalls; ++i)
        ::syscall(SYS_getppid);
    drain();
    EXPECT_GT(seen, 0U);
    ::syscall(SYS_getppid);  // the next record that fits carries the count of those that did not
    drain();
    EXPECT_GE(seen + lost, kCalls);
    EXPECT_GT(lost, 0U);
}

std::array<std::uint64_t, 8> cookies{};
std::size_t caught = 0;

TEST_F(PerfEvent, CatchSignalsTheThreadForEachRecordThatTheFilterLetsThrough) {
    caught = 0;
    struct sigaction action {};
    action.sa_flags = SA_SIGINFO;
    action.sa_sigaction = [](int, siginfo_t* info, void*) {
        if (const auto cookie = caught_cookie(*info); cookie && caught < cookies.size())
            cookies[caught++] = *cookie;
    };
    struct sigaction previous {};
    ASSERT_EQ(::sigaction(SIGTRAP, &action, &previous), 0);
    {
        const auto armed =
            HardwareCatch::arm(this_thread(), format_.id, "id == " + std::to_string(SYS_getppid), 0x1234);
        if (!armed) {
            ::sigaction(SIGTRAP, &previous, nullptr);
            GTEST_SKIP() << armed.error().message();
        }
        ::syscall(SYS_getppid);
        ::syscall(SYS_getuid);
        ::syscall(SYS_getppid);
        ASSERT_TRUE(armed->enable(false));
        ::syscall(SYS_getppid);
    }
    ::syscall(SYS_getppid);
    ::sigaction(SIGTRAP, &previous, nullptr);
    ASSERT_EQ(caught, 2U);
    EXPECT_EQ(cookies[0], 0x1234U);
    EXPECT_EQ(cookies[1], 0x1234U);
}

TEST_F(PerfEvent, TwoCatchesOfOneRecordHaveBothFired) {
    struct sigaction action {};
    action.sa_flags = SA_SIGINFO;
    action.sa_sigaction = [](int, siginfo_t*, void*) {};
    struct sigaction previous {};
    ASSERT_EQ(::sigaction(SIGTRAP, &action, &previous), 0);
    const std::string filter = "id == " + std::to_string(SYS_getppid);
    auto first = HardwareCatch::arm(this_thread(), format_.id, filter, 1);
    auto second = HardwareCatch::arm(this_thread(), format_.id, filter, 2);
    if (first && second) {
        ::syscall(SYS_getuid);
        EXPECT_FALSE(first->fired());
        ::syscall(SYS_getppid);
        EXPECT_TRUE(first->fired());
        EXPECT_FALSE(first->fired());
        EXPECT_TRUE(second->fired());
    }
    ::sigaction(SIGTRAP, &previous, nullptr);
    if (!first)
        GTEST_SKIP() << first.error().message();
    ASSERT_TRUE(second);
}

TEST_F(PerfEvent, ABadFilterIsAnError) {
    const auto armed = HardwareCatch::arm(this_thread(), format_.id, "no_such_field == 1", 0);
    ASSERT_FALSE(armed);
    EXPECT_THAT(armed.error().message(),
                testing::AnyOf(HasSubstr("no_such_field"), HasSubstr("Tracepoints need")));
}

TEST(CaughtCookie, OtherSignalsHaveNone) {
    siginfo_t info{};
    info.si_signo = SIGTRAP;
    info.si_code = TRAP_BRKPT;
    EXPECT_FALSE(caught_cookie(info));
    info.si_signo = SIGSEGV;
    info.si_code = 6;
    EXPECT_FALSE(caught_cookie(info));
}

TEST(PerfRing, ErrorsAreNamed) {
    EXPECT_THAT(PerfRing::open(this_thread(), {}, 8).error().message(), HasSubstr("no tracepoint"));
    EXPECT_THAT(PerfRing::open(this_thread(), std::array{0xffffffffU}, 8).error().message(),
                HasSubstr("perf_event_open"));
}

}  // namespace
}  // namespace ringside::exits
