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
            "Memory is mapped in more pieces than an ELF file has headers for: some virtual addresses are "
            "missing. "
            "Physical addresses are complete.\n";
    return text;
}

}  // namespace

Result<std::string> dump(Debugger& debugger, const std::string& path, VcpuIndex mapped_by) {
    if (debugger.stop_token() == nullptr)
        return failure("dump", "the guest is running", "Interrupt it first");
    x86::ClassSet classes;
    for (const auto which :
         {x86::RegisterClass::General, x86::RegisterClass::System, x86::RegisterClass::Msrs})
        classes.add(which);
    Vmcore core;
    core.mapped_by = mapped_by.value;
    for (std::uint32_t i = 0; i < debugger.machine().vcpu_count(); ++i) {
        auto state = TRY(debugger.state(VcpuIndex{i}).load(*debugger.stop_token(), classes));
        core.vcpus.push_back(*state);
    }
    return write_vmcore(path, core, debugger.view()).map([&](const VmcoreSummary& summary) {
        return sentence(path, summary);
    });
}

void add_dump_command(MonitorRegistry& registry, Debugger& debugger) {
    add_text(registry, debugger,
             {"dump", "FILE", "writes a vmcore of the stopped guest, for gdb, crash and drgn", 1,
              [&](const Arguments& arguments) -> Result<std::string> {
                  if (arguments.words.empty())
                      return failure("dump", "the file is missing", "For example: monitor dump /tmp/vmcore");
                  return dump(debugger, std::string(arguments.words.front()), arguments.vcpu);
              }});
}

}  // namespace ringside::debug
