// The only file that includes <linux/kvm.h>.
//
// The kernel's header declares flexible arrays through __DECLARE_FLEX_ARRAY, whose helper is an empty struct:
// size 0 in C, but 1 in C++. Every struct that ends in such an array would be too large, and every ioctl
// number made from its size wrong (KVM_SET_CPUID2, KVM_GET_MSRS, ... fail with EINVAL). The macro is
// redefined before it is used.
#pragma once

#include <linux/stddef.h>

#ifdef __DECLARE_FLEX_ARRAY
#undef __DECLARE_FLEX_ARRAY
#endif
// A zero-length array instead of a flexible one: legal as a sole member, and of size 0 in C++ too.
#define __DECLARE_FLEX_ARRAY(TYPE, NAME) TYPE NAME[0]

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpedantic"
#include <linux/kvm.h>
#pragma GCC diagnostic pop

static_assert(sizeof(kvm_cpuid2) == 8);
static_assert(sizeof(kvm_msrs) == 8);
static_assert(sizeof(kvm_msr_list) == 4);
static_assert(sizeof(kvm_irq_routing) == 8);
static_assert(sizeof(kvm_signal_mask) == 4);
static_assert(sizeof(kvm_reg_list) == 8);
static_assert(sizeof(kvm_xsave) == 4096);
static_assert(sizeof(kvm_nested_state) == 128);
