#include "vmm/cli/host_choice.h"

#include "vmm/kvm/system.h"
#include "vmm/kvm/vm.h"

namespace ringside::cli {

std::string to_string(Host host) {
    switch (host) {
        case Host::Auto:
            return "auto";
        case Host::Kvm:
            return "kvm";
        case Host::Intel:
            return "intel";
        case Host::Amd:
            return "amd";
    }
    return {};
}

// A device that can be opened may still make no machine.
Result<void> usable_kvm(const std::string& device) {
    const auto system = TRY(kvm::System::open(device));
    const auto vm = TRY(system.create_vm());
    return {};
}

HostChoice choose_host(Host asked, const std::function<Result<void>()>& usable) {
    if (asked != Host::Auto)
        return {asked, {}};
    const Result<void> kvm = usable();
    if (kvm)
        return {Host::Kvm, {}};
    Error why = kvm.error();
    why.advice.clear();  // what to do about it is done
    return {Host::Intel, "no usable KVM (" + why.message() +
                             "): the machine runs in the Intel lab, which emulates it (--host intel)"};
}

}  // namespace ringside::cli
