// `ringside doctor` is right: it finds what is known of each kind of KVM.

#include <array>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "tests/conformance/behaviour.h"
#include "tests/conformance/kvm_kind.h"
#include "tests/conformance/mismatch.h"
#include "tests/conformance/monitor_process.h"

namespace ringside::conformance {

namespace {

// Every ability as the KVM API says it should work, but these.
struct Known {
    std::string_view kvm;
    std::vector<std::string_view> lacks;
};

const std::vector<Known>& known() {
    static const std::vector<Known> all{
        {"kvm_intel", {"own_slots_fire", "step_survives_emulation"}},
        {"kvm_intel in Bochs", {"own_slots_fire", "step_survives_emulation"}},
        {"kvm_amd", {"own_slots_fire", "step_survives_emulation"}},
        {"kvm_amd in TCG",
         {"int3_real", "int3_protected", "int3_long", "int3_user", "execute_slots", "execute_slots_user",
          "data_slots", "own_slots_fire", "debug_register_exits", "step_survives_emulation"}},
        {"kvm_pvm",
         {"int3_real", "int3_protected", "int3_long", "int3_user", "execute_slots_user", "data_slots",
          "debug_register_exits", "step_user", "cpuid_masks"}},
    };
    return all;
}

std::string output_of(const std::string& command) {
    const auto close = [](FILE* pipe) { pclose(pipe); };
    const std::unique_ptr<FILE, decltype(close)> pipe(popen(command.c_str(), "r"), close);
    std::string text;
    std::array<char, 4096> buffer{};
    while (const auto count = pipe ? fread(buffer.data(), 1, buffer.size(), pipe.get()) : 0)
        text.append(buffer.data(), count);
    return text;
}

std::string doctor() {
    const std::string kvm = kvm_kind();
    const auto expected = std::ranges::find(known(), kvm, &Known::kvm);
    require(expected != known().end(), "nothing is known of '{}'", kvm);
    const auto report =
        nlohmann::json::parse(output_of(ringside_program().native() + " doctor --json"), nullptr, false);
    require(report.contains("abilities"), "the report is not what it should be: {}", report.dump());
    require(report.value("driver", "") == kvm.substr(0, kvm.find(' ')), "the driver is said to be {}",
            report.value("driver", ""));
    std::string wrong;
    for (const auto& [ability, found] : report["abilities"].items()) {
        const bool works = std::ranges::find(expected->lacks, ability) == expected->lacks.end();
        if (found.value("works", !works) != works)
            wrong += fmt::format("{} is said to {}work\n", ability, works ? "not " : "");
    }
    require(wrong.empty(), "{}", wrong);
    return {};
}

}  // namespace

void add_doctor(Behaviours& all) {
    all.push_back({"doctor", "finds_what_is_known", Mode::Long, doctor});
}

}  // namespace ringside::conformance
