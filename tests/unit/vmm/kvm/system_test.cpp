// The message to a user who has no usable /dev/kvm.
#include "vmm/kvm/system.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ringside::kvm {
namespace {

using testing::AllOf;
using testing::HasSubstr;

std::string error_of(const char* device) {
    const auto system = System::open(device);
    return system ? "none" : system.error().message();
}

TEST(System, NamesADeviceThatIsNotThereAndTheWaysOut) {
    EXPECT_THAT(error_of("/nowhere/kvm"), AllOf(HasSubstr("open /nowhere/kvm: No such file or directory"),
                                                HasSubstr("kvm-intel or kvm-amd"), HasSubstr("the lab")));
}

TEST(System, SaysThatAFileIsNoKvmDevice) {
    EXPECT_EQ(error_of("/dev/null"), "open /dev/null: it is not a KVM device. Give the path of /dev/kvm");
}

TEST(System, ADirectoryIsRefusedByItsErrno) {
    EXPECT_THAT(error_of("/"), HasSubstr("open /: Is a directory"));
}

}  // namespace
}  // namespace ringside::kvm
