#include "vmm/exit_monitor/exit_commands.h"

#include <fmt/format.h>

#include "vmm/base/text.h"
#include "vmm/debug/run_control/thread_ids.h"
#include "vmm/exit_monitor/exit_trace.h"
#include "vmm/exit_monitor/transitions.h"
#include "vmm/exits/report/report.h"
#include "vmm/exits/report/statistics_tables.h"

namespace ringside::debug {

namespace {

using exits::Table;
using gdbstub::ThreadId;

// What follows a command's name: "vcpu N" anywhere, and the command's own words.
struct ExitArguments {
    std::vector<std::string_view> words;
    std::optional<VcpuIndex> vcpu;
};

Result<ExitArguments> parse(std::string_view rest, std::uint32_t vcpus, std::size_t most_words) {
    ExitArguments arguments;
    const auto words = split_words(rest);
    for (std::size_t i = 0; i < words.size(); ++i) {
        if (words[i] != "vcpu") {
            arguments.words.push_back(words[i]);
            continue;
        }
        const auto number = i + 1 < words.size() ? parse_number(words[i + 1]) : std::nullopt;
        if (!number || *number >= vcpus)
            return failure("exits", fmt::format("\"vcpu\" needs a number from 0 to {}", vcpus - 1));
        arguments.vcpu = VcpuIndex{static_cast<std::uint32_t>(*number)};
        ++i;
    }
    if (arguments.words.size() > most_words)
        return failure("exits", fmt::format("\"{}\" is not understood", arguments.words[most_words]),
                       "`monitor help exits` lists the commands");
    return arguments;
}

Result<std::size_t> row_count(const ExitArguments& arguments) {
    if (arguments.words.empty())
        return kDefaultExitRows;
    const auto number = parse_number(arguments.words.front());
    if (!number)
        return failure("exits", fmt::format("\"{}\" is not a number of rows", arguments.words.front()));
    return *number;
}

tl::unexpected<Error> unknown_reason(const char* command, const ExitArguments& arguments) {
    if (arguments.words.empty())
        return failure(command, "it needs the name of an exit reason", "`monitor exits` lists them");
    return failure(command, fmt::format("there is no exit reason \"{}\"", arguments.words.front()),
                   "`monitor exits` lists those seen so far");
}

class ExitCommands {
  public:
    explicit ExitCommands(ExitMonitor& monitor) : monitor_(monitor) {}

    using Maker = std::function<Table(const ExitTier&, std::optional<VcpuIndex>)>;

    Result<std::string> summary(std::string_view rest) {
        const auto arguments = TRY(parse(rest, monitor_.vcpu_count(), 0));
        std::string text = tables(arguments.vcpu, [](const ExitTier& tier, auto vcpu) {
            return exits::summary_table(tier.statistics(vcpu), tier.source());
        });
        if (const std::string missing = missing_hardware(); !missing.empty())
            text += missing + "\n";
        return text;
    }

    Result<std::string> inner(std::string_view rest) {
        const auto arguments = TRY(parse(rest, monitor_.vcpu_count(), 0));
        if (const HardwareTier* hardware = monitor_.hardware()) {
            TRY(can_be_hypervisor("exits l2", monitor_.debugger().machine()));
            return exits::to_text(hardware->inner_table(arguments.vcpu));
        }
        return failure("exits l2",
                       "the exits of a guest's guest (L2) cannot be shown, because hardware exits are not "
                       "seen: " +
                           monitor_.missing_hardware_tier());
    }

    Result<std::string> diff(std::string_view rest) {
        const auto arguments = TRY(parse(rest, monitor_.vcpu_count(), 0));
        return tables(arguments.vcpu, [](const ExitTier& tier, auto vcpu) {
            return exits::diff_table(tier.statistics(vcpu), tier.at_mark(vcpu), tier.source());
        });
    }

    Result<std::string> by_address(exits::AddressKind kind, ThreadId thread, std::string_view rest) {
        const auto arguments = TRY(parse(rest, monitor_.vcpu_count(), 0));
        return tables(arguments.vcpu, [&](const ExitTier& tier, auto vcpu) {
            return exits::address_table(tier.statistics(vcpu), tier.source(), kind, names(thread, tier));
        });
    }

    Result<std::string> histogram(std::string_view rest) {
        const auto arguments = TRY(parse(rest, monitor_.vcpu_count(), 1));
        if (arguments.words.empty())
            return unknown_reason("exits hist", arguments);
        std::string text;
        for (const auto& tier : monitor_.tiers()) {
            const auto source = tier->source();
            if (const auto reason = source.reasons.find(arguments.words.front()))
                text +=
                    exits::to_text(exits::histogram_table(tier->statistics(arguments.vcpu), source, *reason));
        }
        if (text.empty())
            return unknown_reason("exits hist", arguments);
        return text;
    }

    // A number alone, for scripts. A reason that both tiers know is counted by the hardware's, which sees
    // all.
    Result<std::string> count(std::string_view rest) {
        const auto arguments = TRY(parse(rest, monitor_.vcpu_count(), 1));
        std::optional<std::uint64_t> count;
        for (const auto& tier : monitor_.tiers()) {
            const auto reason =
                arguments.words.empty() ? std::nullopt : tier->source().reasons.find(arguments.words.front());
            if (!reason)
                continue;
            count = 0;
            for (const exits::KeyStatistics& row : tier->statistics(arguments.vcpu).keys)
                *count += row.key.reason == *reason ? row.count : 0;
        }
        if (!count)
            return unknown_reason("exits count", arguments);
        return fmt::format("{}\n", *count);
    }

    Result<std::string> last(ThreadId thread, std::string_view rest) {
        return rows(rest, [&](const ExitTier& tier, auto vcpu, std::size_t count) {
            return tier.last_table(vcpu, count, names(thread, tier));
        });
    }

    Result<std::string> hottest(ThreadId thread, std::string_view rest) {
        return rows(rest, [&](const ExitTier& tier, auto vcpu, std::size_t count) {
            return exits::hot_table(tier.statistics(vcpu), tier.source(), count, names(thread, tier));
        });
    }

    Result<std::string> kernel_statistics() {
        const auto all = TRY(monitor_.kernel_statistics());
        std::string text;
        for (const exits::KvmStatistics& statistics : all)
            text += (text.empty() ? "" : "\n") + exits::to_text(exits::statistics_table(statistics));
        return text;
    }

    Result<std::string> export_to(ThreadId thread, std::string_view rest) {
        const auto gap = rest.find(' ');
        const std::string_view format = rest.substr(0, gap);
        const auto file_at = gap == std::string_view::npos ? gap : rest.find_first_not_of(' ', gap);
        exits::Export file;
        if (format == "chrome")
            file.format = exits::ExportFormat::Chrome;
        else if (format == "csv")
            file.format = exits::ExportFormat::Csv;
        else if (format != "html")
            return failure("exits export", "the format is chrome, csv or html");
        if (file_at == std::string_view::npos)
            return failure("exits export", "it needs a file name after the format");
        file.path = rest.substr(file_at);
        const exits::RunRecording run = monitor_.recording();
        TRY(export_run(monitor_, file, run, vcpu_of(thread)));
        std::string text = fmt::format("written: {}\n", std::filesystem::absolute(file.path).string());
        for (const std::string& line : exits::describe_losses(run.userspace))
            text += line + "\n";
        if (run.hardware)
            for (const std::string& line : exits::describe_losses(*run.hardware))
                text += line + "\n";
        return text;
    }

    std::string enable(bool on) {
        for (const auto& tier : monitor_.tiers())
            tier->enable(on);
        return on ? "Exits are recorded.\n" : "Exits are no longer recorded.\n";
    }

    std::string reset() {
        for (const auto& tier : monitor_.tiers())
            tier->reset();
        return "All recorded exits are discarded.\n";
    }

  private:
    // Why there is no table of hardware exits; empty if there is one, or if nothing has happened yet.
    std::string missing_hardware() const {
        if (!monitor_.missing_hardware_tier().empty())
            return "hardware exits are not seen: " + monitor_.missing_hardware_tier();
        const auto recorded = [](const ExitTier* tier) {
            return tier == nullptr ? 0 : tier->statistics(std::nullopt).recorded;
        };
        return exits::describe_silent_tracepoints(recorded(&monitor_.userspace()),
                                                  recorded(monitor_.hardware()), monitor_.vcpu_count());
    }

    exits::Names names(ThreadId thread, const ExitTier& tier) {
        return monitor_.names().for_tables(vcpu_of(thread), tier);
    }

    // Tables that show at most N rows.
    template <typename F>
    Result<std::string> rows(std::string_view rest, const F& make) {
        const auto arguments = TRY(parse(rest, monitor_.vcpu_count(), 1));
        const auto count = TRY(row_count(arguments));
        return tables(arguments.vcpu,
                      [&](const ExitTier& tier, auto vcpu) { return make(tier, vcpu, count); });
    }

    // One text for all tiers; those that have nothing are left out, unless none has anything.
    std::string tables(std::optional<VcpuIndex> vcpu, const Maker& make) {
        std::string text;
        std::string first_empty;
        for (const auto& tier : monitor_.tiers()) {
            Table table = make(*tier, vcpu);
            if (!table.rows.empty())
                tier->add_losses(table);
            if (!table.rows.empty())
                text += (text.empty() ? "" : "\n") + exits::to_text(table);
            else if (first_empty.empty())
                first_empty = exits::to_text(table);
        }
        return text.empty() ? first_empty : text;
    }

    ExitMonitor& monitor_;
};

}  // namespace

void add_exit_commands(MonitorRegistry& registry, ExitMonitor& monitor) {
    const auto commands = std::make_shared<ExitCommands>(monitor);
    const auto add_kind = [&](const char* name, exits::AddressKind kind, const char* help) {
        registry.add({name, "[vcpu N]", help, [commands, kind](ThreadId thread, std::string_view rest) {
                          return commands->by_address(kind, thread, rest);
                      }});
    };
    registry.add({"exits", "[vcpu N]", "VM exits by reason: counts and times, of all vCPUs or one",
                  [commands](auto, auto rest) { return commands->summary(rest); }});
    registry.add({"exits l2", "[vcpu N]",
                  "exits of the guest's guest, if the guest is a hypervisor, and who handled them",
                  [commands](auto, auto rest) { return commands->inner(rest); }});
    registry.add({"exits diff", "[vcpu N]",
                  "the same since the last stop that was shown: the exits of one step",
                  [commands](auto, auto rest) { return commands->diff(rest); }});
    add_kind("exits mmio", exits::AddressKind::Memory, "exits by guest-physical address, with the device");
    add_kind("exits pio", exits::AddressKind::Port, "exits by I/O port, with the device");
    add_kind("exits msr", exits::AddressKind::Msr, "exits by MSR");
    add_kind("exits cpuid", exits::AddressKind::CpuidLeaf, "exits by CPUID leaf");
    registry.add({"exits hist", "REASON [vcpu N]", "a histogram of how long exits of one reason took",
                  [commands](auto, auto rest) { return commands->histogram(rest); }});
    registry.add({"exits count", "REASON [vcpu N]", "the number of exits of one reason, and nothing else",
                  [commands](auto, auto rest) { return commands->count(rest); }});
    registry.add({"exits last", "[N] [vcpu N]", "the last exits, with symbol, instruction and detail",
                  [commands](auto thread, auto rest) { return commands->last(thread, rest); }});
    registry.add({"exits rip", "[N] [vcpu N]", "the guest addresses that cause most exits",
                  [commands](auto thread, auto rest) { return commands->hottest(thread, rest); }});
    registry.add({"exits stats", "", "KVM's own counters of the VM and of each vCPU",
                  [commands](auto, auto) { return commands->kernel_statistics(); }});
    registry.add({.name = "exits export",
                  .arguments = "chrome|csv|html FILE",
                  .help = "writes the last exits of each vCPU to a file",
                  .run = [commands](auto thread, auto rest) { return commands->export_to(thread, rest); },
                  .file_is_rest = true});
    registry.add({"exits reset", "", "discards the recorded exits",
                  [commands](auto, auto) { return commands->reset(); }});
    registry.add({"exits on", "", "records exits (the default)",
                  [commands](auto, auto) { return commands->enable(true); }});
    registry.add({"exits off", "", "does not record exits",
                  [commands](auto, auto) { return commands->enable(false); }});
}

}  // namespace ringside::debug
