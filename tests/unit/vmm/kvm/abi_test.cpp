// The numbers of the ioctls whose structs end in a flexible array, as the kernel's own C sees them: the size
// of the struct is a part of each (asm-generic/ioctl.h).
#include <gtest/gtest.h>

#include "vmm/kvm/kvm_abi.h"

namespace ringside::kvm {
namespace {

TEST(KvmAbi, NumbersOfIoctlsWithFlexibleArraysAreTheKernels) {
    EXPECT_EQ(KVM_GET_SUPPORTED_CPUID, 0xc008ae05U);
    EXPECT_EQ(KVM_SET_CPUID2, 0x4008ae90U);
    EXPECT_EQ(KVM_GET_MSRS, 0xc008ae88U);
    EXPECT_EQ(KVM_SET_MSRS, 0x4008ae89U);
    EXPECT_EQ(KVM_GET_MSR_INDEX_LIST, 0xc004ae02U);
    EXPECT_EQ(KVM_SET_GSI_ROUTING, 0x4008ae6aU);
    EXPECT_EQ(KVM_SET_SIGNAL_MASK, 0x4004ae8bU);
    EXPECT_EQ(KVM_GET_XSAVE, 0x9000aea4U);
    EXPECT_EQ(KVM_GET_NESTED_STATE, 0xc080aebeU);
}

TEST(KvmAbi, EntriesFollowTheHeaderAtOnce) {
    EXPECT_EQ(offsetof(kvm_cpuid2, entries), 8U);
    EXPECT_EQ(offsetof(kvm_msrs, entries), 8U);
    EXPECT_EQ(offsetof(kvm_msr_list, indices), 4U);
}

}  // namespace
}  // namespace ringside::kvm
