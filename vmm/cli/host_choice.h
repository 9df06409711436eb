// Where a command's machine runs: on this host's KVM, or in a lab, an emulated machine that has KVM.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "vmm/base/error.h"

namespace ringside::cli {

enum class Host { Auto, Kvm, Intel, Amd };

std::string to_string(Host host);

// Returns an error that says why no machine can be created with this KVM device.
Result<void> usable_kvm(const std::string& device);

struct HostChoice {
    Host host = Host::Kvm;  // not Auto
    std::string notice;     // one line for the user; empty if the user asked for this host
};

// What `asked` means on this host. `usable` returns the result of usable_kvm(), and is called only if needed.
HostChoice choose_host(Host asked, const std::function<Result<void>()>& usable);

}  // namespace ringside::cli
