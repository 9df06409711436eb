#include "vmm/exits/record/recording.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ringside::exits {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

RunRecording run_with(std::uint64_t userspace, std::optional<std::uint64_t> hardware) {
    RunRecording run;
    run.userspace.vcpus.emplace_back().statistics.recorded = userspace;
    if (hardware) {
        run.userspace.info.hardware = HardwareDescription{};
        run.hardware.emplace();
        if (*hardware != 0)
            run.hardware->vcpus.emplace_back().statistics.recorded = *hardware;
    }
    return run;
}

TEST(Recording, WhatIsMissingOfTheHardwareIsNamed) {
    RunRecording run = run_with(5, std::nullopt);
    EXPECT_EQ(describe_missing_hardware(run), "") << "an old recording does not know";
    run.userspace.info.missing_hardware = "tracefs is not mounted";
    EXPECT_EQ(describe_missing_hardware(run), "hardware exits are not seen: tracefs is not mounted");
}

TEST(Recording, TracepointsThatNeverFireAreNamed) {
    EXPECT_THAT(describe_missing_hardware(run_with(5, 0)), HasSubstr("kvm:kvm_exit fired for none"));
    EXPECT_EQ(describe_missing_hardware(run_with(5, 1)), "");
    EXPECT_EQ(describe_missing_hardware(run_with(1, 0)), "") << "its entry may not have come yet";
}

TEST(Recording, EachLossHasItsLine) {
    Recording recording;
    VcpuRecording& vcpu = recording.vcpus.emplace_back();
    vcpu.dropped = 1;
    vcpu.overwritten = 2;
    vcpu.lost = 3;
    vcpu.unpaired = 4;
    recording.complete = false;
    EXPECT_THAT(
        describe_losses(recording),
        ElementsAre(HasSubstr("1 exits came faster"), HasSubstr("2 exits, the first ones, were let go"),
                    HasSubstr("3 of the kernel's events were lost"),
                    HasSubstr("4 hardware exits had no following entry"), HasSubstr("was killed")));
}

}  // namespace
}  // namespace ringside::exits
