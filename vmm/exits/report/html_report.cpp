#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <ostream>
#include <string_view>
#include <unordered_map>

#include "vmm/exits/report/exporters.h"
#include "vmm/exits/report/page.h"

namespace ringside::exits {
namespace {

using Json = nlohmann::json;

Json table_json(const Table& table) {
    Json columns = Json::array();
    for (const Column& column : table.columns)
        columns.push_back({{"name", column.name}, {"right", column.align == Align::Right}});
    return {{"title", table.title}, {"columns", columns}, {"rows", table.rows}, {"notes", table.notes}};
}

// A histogram as [from ns, below ns, count] for each used bucket.
Json histogram_json(const Histogram& histogram, const TickRate& rate) {
    Json buckets = Json::array();
    for (std::size_t i = 0; i < histogram.buckets.size(); ++i)
        if (histogram.buckets[i] != 0)
            buckets.push_back({rate.nanoseconds(bucket_floor(i)), rate.nanoseconds(bucket_floor(i + 1)),
                               histogram.buckets[i]});
    return buckets;
}

// The tables and histograms of one vCPU, or of all.
Json statistics_json(const VcpuStatistics& statistics, const Source& source, const Names& names) {
    constexpr std::size_t kHot = 200;
    std::map<std::uint32_t, Histogram> by_reason;
    for (const KeyStatistics& row : statistics.keys)
        by_reason[row.key.reason] += row.handler;
    Json histograms = Json::object();
    for (const auto& [reason, histogram] : by_reason)
        histograms[source.reasons.name(reason)] = histogram_json(histogram, source.rate);

    Json addresses = Json::array();
    for (const AddressKind kind :
         {AddressKind::Port, AddressKind::Memory, AddressKind::Msr, AddressKind::CpuidLeaf}) {
        const Table table = address_table(statistics, source, kind, names);
        if (!table.rows.empty())
            addresses.push_back(table_json(table));
    }
    return {{"recorded", statistics.recorded},
            {"reasons", table_json(summary_table(statistics, source))},
            {"addresses", std::move(addresses)},
            {"hot", table_json(hot_table(statistics, source, kHot, names))},
            {"histograms", std::move(histograms)}};
}

// Strings that repeat are sent once.
class Strings {
  public:
    std::size_t index(const std::string& text) {
        const auto [found, added] = indices_.try_emplace(text, list_.size());
        if (added)
            list_.push_back(text);
        return found->second;
    }
    const std::vector<std::string>& list() const { return list_; }

  private:
    std::unordered_map<std::string, std::size_t> indices_;
    std::vector<std::string> list_;
};

// "write 1 byte to port 0x3f8: 0x41, at putc+0x4"
std::string timeline_detail(const TierView& tier, const VcpuRecording& vcpu, std::size_t i) {
    std::string text = describe_exit(tier, vcpu, i);
    const std::uint64_t rip = vcpu.statistics.recent[i].rip;
    const std::string symbol = rip != 0 && tier.names.symbol ? tier.names.symbol(rip) : std::string();
    if (!symbol.empty())
        text += (text.empty() ? "at " : ", at ") + symbol;
    return text;
}

// The timeline as parallel arrays, in nanoseconds: start of the exit, time before it, time after it.
Json timeline_json(const TierView& tier, const VcpuRecording& vcpu, std::size_t limit, Strings& strings) {
    const auto& exits = vcpu.statistics.recent;
    const TickRate& rate = tier.recording.rate;
    Json at = Json::array();
    Json before = Json::array();
    Json after = Json::array();
    Json reason = Json::array();
    Json detail = Json::array();
    const auto nanoseconds = [&rate](std::uint64_t from, std::uint64_t to) {
        return to > from ? static_cast<std::uint64_t>(rate.nanoseconds(to - from)) : 0;
    };
    for (std::size_t i = exits.size() - std::min(limit, exits.size()); i < exits.size(); ++i) {
        const ExitRecord& exit = exits[i];
        at.push_back(nanoseconds(tier.recording.info.origin, exit.exited));
        before.push_back(nanoseconds(exit.entered, exit.exited));
        after.push_back(nanoseconds(exit.exited, exit.handled));
        reason.push_back(strings.index(tier.source.reasons.name(exit.reason)));
        detail.push_back(strings.index(timeline_detail(tier, vcpu, i)));
    }
    return {{"vcpu", vcpu.vcpu},           {"total", vcpu.statistics.recorded}, {"at", std::move(at)},
            {"before", std::move(before)}, {"after", std::move(after)},         {"reason", std::move(reason)},
            {"detail", std::move(detail)}};
}

// The first view shows all vCPUs, each other view one of them.
Json tier_json(const TierView& tier, std::size_t limit, Strings& strings) {
    Json timelines = Json::array();
    Json views = Json::array();
    std::vector<VcpuStatistics> all;
    for (const VcpuRecording& vcpu : tier.recording.vcpus) {
        timelines.push_back(timeline_json(tier, vcpu, limit, strings));
        VcpuStatistics statistics = vcpu.statistics;
        statistics.recent.clear();
        views.push_back(
            {{"vcpu", vcpu.vcpu}, {"statistics", statistics_json(statistics, tier.source, tier.names)}});
        all.push_back(std::move(statistics));
    }
    views.insert(views.begin(), Json{{"statistics", statistics_json(sum(all), tier.source, tier.names)}});
    return {{"name", tier.source.name},
            {"title", tier.source.tier},
            {"beforeLabel", tier.source.run_label},
            {"afterLabel", tier.source.exit_label},
            {"losses", describe_losses(tier.recording)},
            {"views", std::move(views)},
            {"timelines", std::move(timelines)}};
}

Json report_json(TierViews tiers, const std::vector<std::string>& notes, std::size_t limit) {
    Strings strings;
    Json json_tiers = Json::array();
    for (const TierView& tier : tiers)
        json_tiers.push_back(tier_json(tier, limit, strings));
    const RecordingInfo info = tiers.empty() ? RecordingInfo{} : tiers.front().recording.info;
    return {{"kernel", info.kernel},
            {"started", info.started},
            {"notes", notes},
            {"strings", strings.list()},
            {"tiers", std::move(json_tiers)}};
}

// Inside a script element "</script" would end it, and "<!--" change its meaning: no "<" is left bare.
std::string script_safe(const std::string& json) {
    std::string safe;
    safe.reserve(json.size());
    for (const char c : json) {
        if (c == '<')
            safe += "\\u003c";
        else
            safe += c;
    }
    return safe;
}

}  // namespace

void write_html_report(std::ostream& out, TierViews tiers, const std::vector<std::string>& notes,
                       std::size_t timeline_limit) {
    constexpr std::string_view kSlot = "\"RINGSIDE_DATA\"";
    const std::string_view page = report_page();
    const std::size_t slot = page.find(kSlot);
    out << page.substr(0, slot)
        << script_safe(
               report_json(tiers, notes, timeline_limit).dump(-1, ' ', false, Json::error_handler_t::replace))
        << page.substr(slot + kSlot.size());
}

}  // namespace ringside::exits
