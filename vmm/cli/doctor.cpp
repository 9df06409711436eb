#include "vmm/cli/doctor.h"

#include <fmt/format.h>
#include <sys/utsname.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "vmm/cli/exit_status.h"
#include "vmm/debug/host/host_abilities.h"
#include "vmm/debug/host/host_table.h"
#include "vmm/kvm/system.h"

namespace ringside::cli {

namespace {

// The KVM driver in use, from /sys/module: "kvm_intel", "kvm_amd", ...; empty if there is none to be seen.
std::string driver_name() {
    for (const char* name : {"kvm_intel", "kvm_amd", "kvm_pvm"}) {
        if (std::filesystem::exists(std::filesystem::path("/sys/module") / name))
            return name;
    }
    return {};
}

std::string kernel_release() {
    utsname names{};
    return ::uname(&names) == 0 ? names.release : "";
}

void print_json(const DoctorOptions& options, const debug::HostAbilities& abilities, int max_vcpus) {
    nlohmann::json out;
    out["device"] = options.kvm_device;
    out["kernel"] = kernel_release();
    out["driver"] = driver_name();
    out["max_vcpus"] = max_vcpus;
    for (const debug::HostRow& row : debug::host_rows(abilities))
        out["abilities"][row.key] = {
            {"what", row.what}, {"result", row.result}, {"works", row.works}, {"instead", row.consequence}};
    fmt::print("{}\n", out.dump(2));
}

}  // namespace

int doctor(const DoctorOptions& options) {
    const auto system = kvm::System::open(options.kvm_device);
    const auto abilities = system ? debug::probe_host(*system) : tl::unexpected<Error>(system.error());
    if (!abilities) {
        if (options.json)
            fmt::print(
                "{}\n",
                nlohmann::json{{"device", options.kvm_device}, {"error", abilities.error().message()}}.dump(
                    2));
        fmt::print(stderr, "ringside: {}\n", abilities.error().message());
        return kFailure;
    }
    const int max_vcpus = system->max_vcpus();
    if (options.json) {
        print_json(options, *abilities, max_vcpus);
        return kSuccess;
    }
    const std::string driver = driver_name();
    fmt::print("{}: KVM API 12, kernel {}{}, up to {} vCPUs\n\n{}", options.kvm_device, kernel_release(),
               driver.empty() ? "" : ", driver " + driver, max_vcpus, debug::format_host_table(*abilities));
    return kSuccess;
}

}  // namespace ringside::cli
