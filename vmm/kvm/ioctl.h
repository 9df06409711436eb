// One ioctl, one function, typed errors: the basis of every wrapper in this folder.
#pragma once

#include <sys/ioctl.h>

#include <cerrno>
#include <optional>

#include "vmm/base/error.h"
#include "vmm/base/ids.h"

namespace ringside::kvm {

inline Error ioctl_error(const char* name, int code, std::optional<VcpuIndex> vcpu = std::nullopt) {
    return Error{name, {}, code, vcpu, {}};
}

// Returns the ioctl's non-negative result, or an Error with its name and errno.
template <typename Argument>
Result<int> call(int fd, unsigned long request, Argument argument, const char* name,
                 std::optional<VcpuIndex> vcpu = std::nullopt) {
    const int result = ::ioctl(fd, request, argument);
    if (result < 0)
        return tl::unexpected<Error>(ioctl_error(name, errno, vcpu));
    return result;
}

// For ioctls whose result means only "done".
inline Result<void> done(const Result<int>& result) {
    if (!result)
        return tl::unexpected<Error>(result.error());
    return {};
}

}  // namespace ringside::kvm
