#include "vmm/debug/monitor/dump_command.h"

#include <fmt/format.h>

#include "vmm/debug/dump/vmcore.h"
#include "vmm/debug/monitor/arguments.h"

namespace ringside::debug {

namespace {

std::string sentence(const std::string& path, const VmcoreSummary& summary) {
    constexpr std::uint64_t kMiB = 1U << 20;
    std::string text =
        fmt::format("{} has {} MiB of memory, {} MiB of it not zero, in {} segments. ", path,
                    summary.memory / kMiB, (summary.written + kMiB - 1) / kMiB, summary.segments);
    text += summary.vmcoreinfo ? "The kernel's VMCOREINFO is in it, for crash and drgn.\n"
                               : "No VMCOREINFO was found in memory: crash and drgn need one.\n";
    if (!summary.all_mappings)
        text +=
            "Memory is mapped in more pieces than an ELF file can have headers: some virtual addresses are "
            "missing. "
            "Physical addresses are complete.\n";
    return text;
}

}  // namespace

Result<std::string> Dumper::dump(const std::string& path, VcpuIndex mapped_by) {
    if (debugger_.stop_token() == nullptr)
        return guest_runs("dump");
    const x86::RegisterFile file(debugger_.guest().registers().features());
    Vmcore core;
    core.mapped_by = mapped_by.value;
    core.vmcoreinfo = named_();
    for (std::uint32_t i = 0; i < debugger_.machine().vcpu_count(); ++i) {
        auto state = TRY(debugger_.all_registers(VcpuIndex{i}));
        core.vcpus.push_back(*state);
        const auto known = [&](const x86::RegisterInfo& info) {
            return debugger_.state(VcpuIndex{i}).known(info);
        };
        core.register_notes.push_back(registers_note(file, *state, known));
    }
    progress_.begin();
    const auto report = [this](std::uint64_t done, std::uint64_t memory) { progress_.report(done, memory); };
    auto summary = TRY(write_vmcore(path, core, debugger_.view(), report));
    return sentence(path, summary);
}

void add_dump_command(MonitorRegistry& registry, Debugger& debugger, Dumper& dumper) {
    add_text(registry, debugger,
             {"dump", "FILE", "writes a vmcore of the stopped guest, for gdb, crash and drgn", 1,
              [&dumper](const Arguments& arguments) -> Result<std::string> {
                  if (arguments.words.empty())
                      return failure("dump", "the file is missing", "For example: monitor dump /tmp/vmcore");
                  return dumper.dump(std::string(arguments.words.front()), arguments.vcpu);
              }});
}

}  // namespace ringside::debug
