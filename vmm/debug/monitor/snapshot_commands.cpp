#include "vmm/debug/monitor/snapshot_commands.h"

#include <fmt/format.h>

#include "vmm/debug/monitor/arguments.h"
#include "vmm/machine/page_set.h"
#include "vmm/snapshot/image_registers.h"
#include "vmm/snapshot/snapshot_file.h"

namespace ringside::debug {

namespace {

using snapshot::Snapshot;

constexpr std::size_t kRunsShown = 20;

Result<std::string_view> name_in(const Arguments& arguments) {
    if (arguments.words.empty())
        return failure("snapshot", "it needs a name");
    return arguments.words[0];
}

std::uint64_t kibibytes(const Snapshot& snapshot) {
    return snapshot.memory.used() * machine::kPageSize >> 10;
}

// ", 128 KiB of disks", if there are any with an overlay.
std::string disk_words(const Snapshot& snapshot) {
    std::uint64_t bytes = 0;
    for (const auto& disk : snapshot.state.disks)
        bytes += disk.bytes();
    return snapshot.state.disks.empty() ? "" : fmt::format(", {} KiB of disks", bytes >> 10);
}

std::uint64_t rip_of(const Snapshot& snapshot) {
    return snapshot.state.vcpus.front().image.general.rip;
}

Result<std::string> save(Debugger& debugger, Snapshots& snapshots, const Arguments& arguments) {
    auto name = TRY(name_in(arguments));
    const auto* saved = TRY(snapshots.save(name));
    if (arguments.words.size() > 1) {
        const std::string file(arguments.words[1]);
        TRY(snapshot::write_file(file, debugger.machine(), *saved));
        return fmt::format(
            "Snapshot {} is also in {}: `ringside run --restore` starts from it, with the same "
            "kernel and options.\n",
            name, file);
    }
    return fmt::format("Snapshot {}: vCPU 0 at 0x{:x}, {} KiB of memory{}.\n", name, rip_of(*saved),
                       kibibytes(*saved), disk_words(*saved));
}

Result<std::string> restore(Debugger& debugger, Snapshots& snapshots, const Arguments& arguments) {
    auto name = TRY(name_in(arguments));
    auto pages = TRY(snapshots.restore(name));
    const auto* restored = TRY(snapshots.find(name));
    auto text = fmt::format("The machine is as in snapshot {}: vCPU 0 at 0x{:x}, {} page{} restored.\n", name,
                            rip_of(*restored), pages, pages == 1 ? "" : "s");
    if (debugger.client_attached())
        text +=
            "A debugger may still show the old registers: in gdb, `maintenance flush "
            "register-cache` reads them again.\n";
    return text;
}

Answer list(const Snapshots& snapshots) {
    std::vector<std::vector<Cell>> rows;
    for (const auto& [name, snapshot] : snapshots.list())
        rows.push_back({words(name), hex(rip_of(snapshot)), number(kibibytes(snapshot))});
    Answer answer;
    answer.table("snapshots", {"name", "rip", "KiB"}, std::move(rows));
    if (!snapshots.list().empty())
        answer.note(snapshots.watching()
                        ? "KVM logs the pages that the guest writes: a restore compares only them."
                        : "A restore compares every page that was ever used.");
    return answer;
}

Result<std::string> remove(Snapshots& snapshots, const Arguments& arguments) {
    auto name = TRY(name_in(arguments));
    TRY(snapshots.remove(name));
    return fmt::format("Snapshot {} is deleted.\n", name);
}

// ---- diff

std::string hex_of(std::span<const std::byte> bytes) {
    std::string text;
    for (std::size_t i = bytes.size(); i-- > 0;)
        text += fmt::format("{:02x}", std::to_integer<unsigned>(bytes[i]));
    return "0x" + text;
}

using Rows = std::vector<std::vector<Cell>>;

Rows register_rows(Debugger& debugger, const snapshot::VcpuImage& then, const snapshot::VcpuImage& now) {
    const auto& layout = debugger.machine().cpu_features().xsave_layout;
    const auto before = snapshot::image_registers(then, layout),
               after = snapshot::image_registers(now, layout);
    Rows rows;
    for (const x86::RegisterInfo& info : debugger.guest().registers().registers()) {
        std::vector<std::byte> a(info.bytes()), b(info.bytes());
        const bool known = debugger.guest().registers().read(before, info.regno, a).has_value() &&
                           debugger.guest().registers().read(after, info.regno, b).has_value();
        if (known && a != b)
            rows.push_back({words(info.name), words(hex_of(a)), words(hex_of(b))});
    }
    return rows;
}

Rows device_rows(Debugger& debugger, std::span<const std::byte> then, std::span<const std::byte> now) {
    Rows rows;
    for (const auto& state : debugger.machine().device_states().list()) {
        const auto size = state->size();
        if (!std::ranges::equal(then.first(size), now.first(size)))
            rows.push_back({words(state->name())});
        then = then.subspan(size);
        now = now.subspan(size);
    }
    return rows;
}

Rows disk_rows(Debugger& debugger, const snapshot::MachineState& then, const snapshot::MachineState& now) {
    Rows rows;
    const auto disks = debugger.machine().device_states().disks();
    for (std::size_t i = 0; i < disks.size(); ++i) {
        if (const auto clusters = machine::differences(then.disks[i], now.disks[i]); clusters != 0)
            rows.push_back({words(disks[i]->name()), number(clusters * machine::DiskClusters::kSize >> 10)});
    }
    return rows;
}

struct MemoryRun {
    Gpa start;
    std::uint64_t pages = 0;
};

std::vector<MemoryRun> runs_of(const std::vector<Gpa>& pages) {
    std::vector<MemoryRun> runs;
    for (const Gpa page : pages) {
        if (runs.empty() || runs.back().start + runs.back().pages * machine::kPageSize != page)
            runs.push_back({page, 0});
        ++runs.back().pages;
    }
    return runs;
}

Result<Answer> diff(Debugger& debugger, Snapshots& snapshots, const Arguments& arguments) {
    auto name = TRY(name_in(arguments));
    const auto* then = TRY(snapshots.find(name));
    auto now = TRY(snapshots.without_breakpoints([&] { return snapshot::take_state(debugger.machine()); }));
    const auto runs = runs_of(TRY(snapshots.differences(name)));
    Answer answer;
    const std::size_t vcpu = arguments.vcpu.value;
    answer.table("registers", {"name", "then", "now"},
                 register_rows(debugger, then->state.vcpus[vcpu].image, now.vcpus[vcpu].image));
    answer.table("devices", {"name"}, device_rows(debugger, then->state.devices, now.devices));
    answer.table("disks", {"name", "KiB"}, disk_rows(debugger, then->state, now));
    Rows rows;
    for (const MemoryRun& run : std::span(runs).first(std::min(runs.size(), kRunsShown)))
        rows.push_back({hex(run.start.value), number(run.pages)});
    answer.table("memory", {"address", "pages"}, std::move(rows));
    if (runs.size() > kRunsShown)
        answer.note(fmt::format("{} more places in memory differ.", runs.size() - kRunsShown));
    return answer;
}

}  // namespace

void add_snapshot_commands(MonitorRegistry& registry, Debugger& debugger, Snapshots& snapshots) {
    add_text(
        registry, debugger,
        {"snapshot save", "NAME [FILE]", "saves the machine's state in memory, and in FILE for --restore", 2,
         [&](const Arguments& arguments) { return save(debugger, snapshots, arguments); }},
        Subject::Machine);
    add_text(registry, debugger,
             {"snapshot restore", "NAME", "restores the machine's state from a snapshot", 1,
              [&](const Arguments& arguments) { return restore(debugger, snapshots, arguments); }},
             Subject::Machine);
    add_answering(registry, debugger,
                  {"snapshot list", "", "the snapshots", 0,
                   [&](const Arguments&) -> Result<Answer> { return list(snapshots); }},
                  Subject::Machine);
    add_text(registry, debugger,
             {"snapshot delete", "NAME", "deletes a snapshot", 1,
              [&](const Arguments& arguments) { return remove(snapshots, arguments); }},
             Subject::Machine);
    add_answering(registry, debugger,
                  {"snapshot diff", "NAME",
                   "the registers, devices, disks and pages that have changed since the snapshot", 1,
                   [&](const Arguments& arguments) { return diff(debugger, snapshots, arguments); }});
}

void add_snapshot_document(DocumentStore& documents, const Snapshots& snapshots) {
    documents.add({"snapshots",
                   "Snapshots",
                   "the saved states of the machine, by name",
                   {"name", "rip", "KiB"},
                   [&snapshots] {
                       std::vector<std::vector<std::string>> rows;
                       for (const auto& [name, snapshot] : snapshots.list())
                           rows.push_back({name, fmt::format("0x{:x}", rip_of(snapshot)),
                                           fmt::to_string(kibibytes(snapshot))});
                       return rows;
                   }});
}

}  // namespace ringside::debug
