#include "vmm/cli/exit_rates.h"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace ringside::cli {

namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kKinds[] = {"reason", "port", "gpa", "rip"};

std::uint64_t count_of(const Json& counts, const std::string& name) {
    const auto found = counts.find(name);
    return found == counts.end() ? 0 : found->get<std::uint64_t>();
}

std::vector<ExitRate> rates_of_kind(const Json& before, const Json& now, double seconds, std::size_t rows,
                                    const ExitRate& labels) {
    std::vector<ExitRate> rates;
    for (const auto& [name, count] : now.items()) {
        const auto later = count.get<std::uint64_t>(), earlier = count_of(before, name);
        ExitRate rate = labels;
        rate.name = name;
        rate.per_second = static_cast<double>(later >= earlier ? later - earlier : later) / seconds;
        if (rate.per_second > 0)
            rates.push_back(rate);
    }
    std::ranges::stable_sort(rates, std::greater{}, &ExitRate::per_second);
    rates.resize(std::min(rates.size(), rows));
    return rates;
}

// A tier may have come since.
Json vcpu_of(const Json& sample, const std::string& tier, std::size_t vcpu) {
    for (const Json& there : sample.at("tiers")) {
        if (there.at("name") == tier && vcpu < there.at("vcpus").size())
            return there.at("vcpus")[vcpu];
    }
    return {{"reason", Json::object()},
            {"port", Json::object()},
            {"gpa", Json::object()},
            {"rip", Json::object()}};
}

std::vector<ExitRate> compare(const Json& before, const Json& now, std::size_t rows) {
    const auto elapsed =
        now.at("nanoseconds").get<std::int64_t>() - before.at("nanoseconds").get<std::int64_t>();
    const double seconds = static_cast<double>(std::max<std::int64_t>(elapsed, 1)) / 1e9;
    std::vector<ExitRate> rates;
    for (const Json& tier : now.at("tiers")) {
        const auto name = tier.at("name").get<std::string>();
        for (std::size_t i = 0; i < tier.at("vcpus").size(); ++i) {
            const Json earlier = vcpu_of(before, name, i);
            for (const char* kind : kKinds) {
                const auto more = rates_of_kind(earlier.at(kind), tier.at("vcpus")[i].at(kind), seconds, rows,
                                                {name, static_cast<std::uint32_t>(i), kind, "", 0});
                rates.insert(rates.end(), more.begin(), more.end());
            }
        }
    }
    return rates;
}

}  // namespace

Result<std::vector<ExitRate>> exit_rates(std::string_view before, std::string_view now, std::size_t rows) {
    try {
        return compare(Json::parse(before), Json::parse(now), rows);
    } catch (const nlohmann::json::exception&) {
        return failure("exits per second", "the machine has not answered with its counters",
                       "It may be another version of Ringside");
    }
}

std::string rate_lines(const std::vector<ExitRate>& rates) {
    std::string text;
    for (const ExitRate& rate : rates)
        text +=
            fmt::format("{} {} {} {:.0f} {}\n", rate.tier, rate.vcpu, rate.kind, rate.per_second, rate.name);
    return text;
}

std::string rate_tables(const std::vector<ExitRate>& rates) {
    std::string text;
    const ExitRate* last = nullptr;
    for (const ExitRate& rate : rates) {
        if (last == nullptr || last->tier != rate.tier || last->vcpu != rate.vcpu)
            text += fmt::format("{}vCPU {}, {} exits\n{:>12}\n", last == nullptr ? "" : "\n", rate.vcpu,
                                rate.tier, "per second");
        const bool same =
            last != nullptr && last->tier == rate.tier && last->vcpu == rate.vcpu && last->kind == rate.kind;
        text += fmt::format("{:>12.0f}  {:<6}  {}\n", rate.per_second, same ? "" : rate.kind, rate.name);
        last = &rate;
    }
    return text.empty() ? "No exits.\n" : text;
}

}  // namespace ringside::cli
