#include "tests/bench/report.h"

#include <fmt/format.h>

#include <map>
#include <nlohmann/json.hpp>

namespace ringside::bench {
namespace {

std::string number(std::optional<double> value) {
    if (!value)
        return "-";
    return *value < 10 ? fmt::format("{:.3f}", *value) : fmt::format("{:.0f}", *value);
}

std::string ratio(std::optional<double> value) {
    return value ? fmt::format("{:.2f}x", *value) : "-";
}

std::optional<double> quotient(std::optional<double> mine, std::optional<double> other,
                               bool lower_is_better) {
    if (!mine || !other || *mine <= 0 || *other <= 0)
        return std::nullopt;
    return lower_is_better ? *other / *mine : *mine / *other;
}

// Each note once, with the rows that it is about.
std::string notes(const std::vector<Row>& rows) {
    std::map<std::string, std::string> about;
    for (const auto& row : rows)
        if (!row.note.empty())
            about[row.note] += (about[row.note].empty() ? "" : ", ") + row.name;
    std::string text;
    for (const auto& [note, names] : about)
        text += fmt::format("{}: {}\n", names, note);
    return text;
}

nlohmann::json or_null(std::optional<double> value) {
    return value ? nlohmann::json(*value) : nlohmann::json();
}

}  // namespace

std::optional<double> Row::against_qemu() const {
    return quotient(ringside, qemu, lower_is_better);
}

std::optional<double> Row::against_limit() const {
    return quotient(ringside, limit, lower_is_better);
}

std::string table(const std::vector<Row>& rows) {
    constexpr auto* kLine = "{:<34} {:>10} {:>10} {:>10} {:>9} {:>10} {:>9}\n";
    std::string text = fmt::format(kLine, "", "unit", "Ringside", "QEMU", "of QEMU", "limit", "of limit");
    for (const auto& row : rows)
        text += fmt::format(kLine, row.name, row.unit, number(row.ringside), number(row.qemu),
                            ratio(row.against_qemu()), number(row.limit), ratio(row.against_limit()));
    return text + notes(rows);
}

std::string json(const std::vector<Row>& rows) {
    auto list = nlohmann::json::array();
    for (const auto& row : rows)
        list.push_back({{"name", row.name},
                        {"unit", row.unit},
                        {"ringside", or_null(row.ringside)},
                        {"qemu", or_null(row.qemu)},
                        {"limit", or_null(row.limit)},
                        {"against_qemu", or_null(row.against_qemu())},
                        {"against_limit", or_null(row.against_limit())},
                        {"note", row.note}});
    return list.dump(2) + "\n";
}

}  // namespace ringside::bench
