#include "vmm/kvm/system.h"

#include <fcntl.h>

#include <memory>

#include "vmm/kvm/cpuid_list.h"
#include "vmm/kvm/ioctl.h"
#include "vmm/kvm/vm.h"

namespace ringside::kvm {

namespace {

constexpr int kApiVersion = 12;

const char* advice_for(int code) {
    switch (code) {
        case ENOENT:
        case ENODEV:
        case ENXIO:
            return "This machine has no KVM device: load kvm-intel or kvm-amd, enable virtualisation in the "
                   "firmware, or use the lab (tests/lab/run)";
        case EACCES:
        case EPERM:
            return "Join the group that owns it (usermod -aG kvm $USER, then log in again), or run as root";
        default:
            return "";
    }
}

}  // namespace

Result<System> System::open(const std::filesystem::path& device) {
    Fd fd(::open(device.c_str(), O_RDWR | O_CLOEXEC));
    if (!fd)
        return errno_failure("open " + device.string(), errno, advice_for(errno));
    const auto version = call(fd.get(), KVM_GET_API_VERSION, 0UL, "KVM_GET_API_VERSION");
    if (!version)
        return failure("open " + device.string(), "it is not a KVM device", "Give the path of /dev/kvm");
    if (*version != kApiVersion)
        return failure("open " + device.string(),
                       "KVM API version " + std::to_string(*version) + ", but version 12 is needed");
    return System(std::move(fd));
}

int System::check(int capability) const {
    const int result = ::ioctl(fd_.get(), KVM_CHECK_EXTENSION, static_cast<unsigned long>(capability));
    return result < 0 ? 0 : result;
}

Result<std::vector<kvm_cpuid_entry2>> System::supported_cpuid() const {
    return cpuid_list(fd_.get(), KVM_GET_SUPPORTED_CPUID, "KVM_GET_SUPPORTED_CPUID");
}

Result<std::size_t> System::vcpu_mapping_size() const {
    return call(fd_.get(), KVM_GET_VCPU_MMAP_SIZE, 0UL, "KVM_GET_VCPU_MMAP_SIZE").map([](int size) {
        return static_cast<std::size_t>(size);
    });
}

Result<Vm> System::create_vm() const {
    auto mapping = TRY(vcpu_mapping_size());
    int fd = -1;
    // KVM_CREATE_VM gives up with EINTR when a signal is pending.
    do {
        fd = ::ioctl(fd_.get(), KVM_CREATE_VM, 0UL);
    } while (fd < 0 && errno == EINTR);
    if (fd < 0)
        return tl::unexpected<Error>(ioctl_error("KVM_CREATE_VM", errno));
    return Vm(Fd(fd), mapping);
}

}  // namespace ringside::kvm
