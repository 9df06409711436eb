#include "tests/conformance/kvm_kind.h"

#include <cpuid.h>

#include <array>
#include <cstring>
#include <filesystem>
#include <string_view>

namespace ringside::conformance {

namespace {

// The hypervisor's signature (CPUID leaf 0x40000000), present if leaf 1 ECX bit 31 is set.
bool on_tcg() {
    constexpr unsigned kHypervisor = 1u << 31;
    std::array<unsigned, 4> r{};
    if (__get_cpuid(1, &r[0], &r[1], &r[2], &r[3]) == 0 || (r[2] & kHypervisor) == 0)
        return false;
    __cpuid(0x40000000, r[0], r[1], r[2], r[3]);
    return std::memcmp(&r[1], "TCGTCGTCGTCG", 12) == 0;
}

// Bochs's processor is as silent about itself as a real one. In the lab, a machine with an Intel processor is
// Bochs's. The lab has its commands there.
bool in_lab() {
    return std::filesystem::exists("/lab/tests");
}

std::string emulator(std::string_view driver) {
    if (on_tcg())
        return " in TCG";
    return driver == "kvm_intel" && in_lab() ? " in Bochs" : "";
}

}  // namespace

std::string kvm_kind() {
    for (const char* driver : {"kvm_intel", "kvm_amd", "kvm_pvm"}) {
        if (std::filesystem::exists(std::filesystem::path("/sys/module") / driver))
            return std::string(driver) + emulator(driver);
    }
    return {};
}

}  // namespace ringside::conformance
