#include "tests/conformance/matrix.h"

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>

namespace ringside::conformance {

namespace {

const char* name(Outcome outcome) {
    switch (outcome) {
        case Outcome::Works:
            return "works";
        case Outcome::Impossible:
            return "impossible";
        case Outcome::Fails:
            return "fails";
        case Outcome::NotImpossible:
            break;
    }
    return "not impossible";
}

}  // namespace

void Matrix::add(const Behaviour& behaviour, Outcome outcome, std::string text) {
    rows_.push_back({behaviour.group, behaviour.name, std::string(conformance::name(behaviour.mode)), outcome,
                     std::move(text)});
}

bool Matrix::write(const std::filesystem::path& file) const {
    const auto count = [&](Outcome outcome) {
        return std::ranges::count_if(rows_, [&](const Row& row) { return row.outcome == outcome; });
    };
    nlohmann::ordered_json out;
    out["kvm"] = kvm_;
    // As the lanes count: what is impossible here was not tested.
    out["passed"] = count(Outcome::Works);
    out["failed"] = count(Outcome::Fails) + count(Outcome::NotImpossible);
    out["skipped"] = count(Outcome::Impossible);
    for (const Row& row : rows_)
        out["behaviours"].push_back({{"group", row.group},
                                     {"name", row.name},
                                     {"mode", row.mode},
                                     {"outcome", name(row.outcome)},
                                     {"text", row.text}});
    std::ofstream stream(file);
    stream << out.dump(1) << '\n';
    return static_cast<bool>(stream.flush());
}

}  // namespace ringside::conformance
