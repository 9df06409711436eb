// /dev/kvm itself: version, capabilities, the host's CPUID and MSRs, and new virtual machines.
#pragma once

#include <filesystem>
#include <vector>

#include "vmm/base/error.h"
#include "vmm/base/fd.h"
#include "vmm/kvm/kvm_abi.h"

namespace ringside::kvm {

class Vm;

class System {
  public:
    // Opens the device and checks that its API version is 12. The error says what is missing and what to
    // do.
    static Result<System> open(const std::filesystem::path& device = "/dev/kvm");

    // KVM_CHECK_EXTENSION: 0 if the host lacks it, otherwise a positive, capability-specific value.
    int check(int capability) const;
    int max_vcpus() const { return check(KVM_CAP_MAX_VCPUS); }  // of one VM
    // KVM_GET_SUPPORTED_CPUID.
    Result<std::vector<kvm_cpuid_entry2>> supported_cpuid() const;
    // Size of the kvm_run mapping in bytes.
    Result<std::size_t> vcpu_mapping_size() const;
    // KVM_CREATE_VM.
    Result<Vm> create_vm() const;

  private:
    explicit System(Fd fd) : fd_(std::move(fd)) {}
    Fd fd_;
};

}  // namespace ringside::kvm
