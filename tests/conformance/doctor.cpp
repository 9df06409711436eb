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

constexpr std::string_view kAbilities[] = {"int3_real",
                                           "int3_protected",
                                           "int3_long",
                                           "int3_user",
                                           "halt_traps",
                                           "undefined_traps",
                                           "execute_slots",
                                           "execute_slots_user",
                                           "data_slots",
                                           "own_slots_fire",
                                           "debug_register_exits",
                                           "step_real",
                                           "step_long",
                                           "step_user",
                                           "step_survives_emulation",
                                           "step_traps_once",
                                           "step_blocks_interrupts",
                                           "write_faults",
                                           "cpuid_masks",
                                           "msr_exits",
                                           "synced_registers"};

// Each of them works as the KVM API says it should, but these.
struct Known {
    std::string_view kvm;
    std::vector<std::string_view> lacks;
};

const std::vector<Known>& known() {
    static const std::vector<Known> all{
        {"kvm_intel", {"own_slots_fire", "step_survives_emulation"}},
        {"kvm_intel in Bochs", {"own_slots_fire", "step_survives_emulation", "step_traps_once"}},
        {"kvm_amd", {"own_slots_fire", "step_survives_emulation"}},
        {"kvm_amd in TCG",
         {"int3_real", "int3_protected", "int3_long", "int3_user", "execute_slots", "execute_slots_user",
          "data_slots", "own_slots_fire", "debug_register_exits", "step_survives_emulation"}},
        {"kvm_pvm",
         {"int3_real", "int3_protected", "int3_long", "int3_user", "halt_traps", "undefined_traps",
          "execute_slots_user", "data_slots", "debug_register_exits", "step_user", "write_faults",
          "cpuid_masks"}},
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

// What the report does not say as it is known of each ability.
std::string wrong_abilities(const nlohmann::json& abilities, const std::vector<std::string_view>& lacks) {
    std::string wrong;
    for (const auto& ability : kAbilities) {
        const bool works = std::ranges::find(lacks, ability) == lacks.end();
        if (!abilities.contains(ability) || abilities[ability].value("works", !works) != works)
            wrong += fmt::format("{} is not said to {}\n", ability, works ? "work" : "be missing");
    }
    if (abilities.size() != std::size(kAbilities))
        wrong += fmt::format("{} abilities instead of {}\n", abilities.size(), std::size(kAbilities));
    return wrong;
}

// What the page for people does not say as the report for programs does: each ability has a line, its result
// behind it.
std::string wrong_lines(const std::string& page, const nlohmann::json& abilities) {
    std::string wrong;
    for (const auto& [ability, found] : abilities.items()) {
        const std::string what = '\n' + found.value("what", "?") + "  ";
        const auto line = page.find(what);
        const auto result =
            page.find_first_not_of(' ', line == std::string::npos ? line : line + what.size());
        if (result == std::string::npos || !page.substr(result).starts_with(found.value("result", "?")))
            wrong += fmt::format("{} has no line, or another result than {}\n", ability, found.dump());
    }
    return wrong;
}

std::string doctor() {
    const std::string kvm = kvm_kind();
    const auto expected = std::ranges::find(known(), kvm, &Known::kvm);
    require(expected != known().end(), "nothing is known of '{}'", kvm);
    const std::string command = ringside_program().native() + " doctor";
    const auto report = nlohmann::json::parse(output_of(command + " --json"), nullptr, false);
    require(report.contains("abilities"), "the report is not what it should be: {}", report.dump());
    require(report.value("driver", "") == kvm.substr(0, kvm.find(' ')), "the driver is said to be {}",
            report.value("driver", ""));
    const std::string wrong = wrong_abilities(report["abilities"], expected->lacks) +
                              wrong_lines(output_of(command), report["abilities"]);
    require(wrong.empty(), "{}", wrong);
    return {};
}

}  // namespace

void add_doctor(Behaviours& all) {
    all.push_back({"doctor", "finds_what_is_known", Mode::Long, doctor});
}

}  // namespace ringside::conformance
