#include "vmm/exit_monitor/exit_commands.h"
#include "vmm/exits/report/report.h"

namespace ringside::debug {

namespace {

// Tables of all tiers as one for `info os`: the tiers call some columns differently, and the first tier's names
// are used.
OsTable os_table(ExitMonitor& monitor, std::string name, std::string description,
                 std::function<exits::Table(const ExitTier&)> make) {
    OsTable table{std::move(name), "VM exits", std::move(description), {"tier"}, {}};
    for (const exits::Column& column : make(monitor.userspace()).columns)
        table.columns.push_back(column.name);
    table.rows = [&monitor, make = std::move(make)] {
        std::vector<std::vector<std::string>> rows;
        for (const auto& tier : monitor.tiers()) {
            for (auto& row : make(*tier).rows) {
                row.insert(row.begin(), tier->source().tier);
                rows.push_back(std::move(row));
            }
        }
        return rows;
    };
    return table;
}

}  // namespace

void add_exit_documents(DocumentStore& documents, ExitMonitor& monitor) {
    const auto names = [&monitor](const ExitTier& tier) {
        return monitor.names().for_tables(VcpuIndex{0}, tier);
    };
    documents.add(os_table(monitor, "exits", "VM exits by reason", [](const ExitTier& tier) {
        return exits::summary_table(tier.statistics(std::nullopt), tier.source());
    }));
    documents.add(
        os_table(monitor, "exits-rip", "guest addresses that cause exits", [names](const ExitTier& tier) {
            return exits::hot_table(tier.statistics(std::nullopt), tier.source(), kDefaultExitRows,
                                    names(tier));
        }));
    documents.add(os_table(monitor, "exits-last", "the last VM exits", [names](const ExitTier& tier) {
        return tier.last_table(std::nullopt, kDefaultExitRows, names(tier));
    }));
}

}  // namespace ringside::debug
