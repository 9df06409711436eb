#include "vmm/cli/host_choice.h"

#include <cerrno>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ringside::cli {
namespace {

Result<void> usable() {
    return {};
}

Result<void> unusable() {
    return errno_failure("open /dev/kvm", ENODEV, "This machine has no KVM device");
}

TEST(HostChoice, AutoIsThisHostsKvmIfItIsUsable) {
    const auto choice = choose_host(Host::Auto, usable);
    EXPECT_EQ(choice.host, Host::Kvm);
    EXPECT_EQ(choice.notice, "");
}

TEST(HostChoice, AutoIsTheIntelLabOtherwiseAndSaysWhyInOneLine) {
    const auto choice = choose_host(Host::Auto, unusable);
    EXPECT_EQ(choice.host, Host::Intel);
    EXPECT_EQ(
        choice.notice,
        "no usable KVM (open /dev/kvm: No such device): the machine runs in the Intel lab, which emulates "
        "it (--host intel)");
}

TEST(HostChoice, AnExplicitHostIsTakenWithoutALook) {
    for (const Host host : {Host::Kvm, Host::Intel, Host::Amd}) {
        bool looked = false;
        const auto choice = choose_host(host, [&looked] {
            looked = true;
            return unusable();
        });
        EXPECT_EQ(choice.host, host);
        EXPECT_EQ(choice.notice, "");
        EXPECT_FALSE(looked);
    }
}

TEST(HostChoice, AKvmDeviceThatIsNoneIsUnusable) {
    EXPECT_FALSE(usable_kvm("/dev/null"));
    EXPECT_FALSE(usable_kvm("/nonexistent"));
}

}  // namespace
}  // namespace ringside::cli
