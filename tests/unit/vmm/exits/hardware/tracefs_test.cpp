#include "vmm/exits/hardware/tracefs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/vmm/exits/hardware/tracepoint_formats.h"
#include "tests/unit/vmm/exits/temporary_directory.h"

namespace ringside::exits {
namespace {

using testing::HasSubstr;

TEST(Tracefs, TheFirstPlaceWithKvmEventsIsTaken) {
    const TemporaryDirectory empty;
    const TemporaryDirectory full;
    full.write("events/kvm/kvm_exit/format", kExitFormat618);
    const std::vector<std::filesystem::path> locations = {empty.path(), full.path()};
    EXPECT_EQ(find_tracefs(locations).value_or(""), full.path());
    const auto format = load_kvm_tracepoint(full.path(), "kvm_exit");
    ASSERT_TRUE(format) << format.error().message();
    EXPECT_EQ(format->id, 103U);
    EXPECT_THAT(load_kvm_tracepoint(full.path(), "kvm_entry").error().message(),
                HasSubstr("this kernel has no kvm:kvm_entry tracepoint"));
}

TEST(Tracefs, SaysWhatIsMissing) {
    const TemporaryDirectory empty;
    EXPECT_THAT(find_tracefs(std::vector{empty.path()}).error().message(),
                HasSubstr("not mounted. As root: mount -t tracefs"));
    const TemporaryDirectory without_kvm;
    without_kvm.write("events/sched/enable", "0");
    EXPECT_THAT(find_tracefs(std::vector{without_kvm.path()}).error().message(),
                HasSubstr("no kvm:kvm_exit"));
}

TEST(Tracefs, VendorByModule) {
    const TemporaryDirectory modules;
    EXPECT_FALSE(host_virtualization(modules.path()));
    modules.write("kvm_amd/parameters/npt", "Y");
    EXPECT_EQ(host_virtualization(modules.path()), x86::VirtualizationKind::Svm);
    modules.write("kvm_intel/parameters/ept", "Y");
    EXPECT_EQ(host_virtualization(modules.path()), x86::VirtualizationKind::Vmx);
}

}  // namespace
}  // namespace ringside::exits
