// `monitor dump`
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "vmm/debug/dump/progress_line.h"
#include "vmm/debug/dump/vmcoreinfo.h"
#include "vmm/debug/monitor/monitor.h"

namespace ringside::debug {

class Dumper {
  public:
    // `named`: where the guest's kernel says that its VMCOREINFO is.
    Dumper(Debugger& debugger, std::function<std::optional<NotePlace>()> named, ProgressLine progress)
        : debugger_(debugger), named_(std::move(named)), progress_(std::move(progress)) {}

    // Writes a vmcore of the stopped guest and returns a sentence on its contents. `mapped_by` is the vCPU whose page
    // tables give the virtual addresses.
    Result<std::string> dump(const std::string& path, VcpuIndex mapped_by);

  private:
    Debugger& debugger_;
    std::function<std::optional<NotePlace>()> named_;
    ProgressLine progress_;
};

// `dumper` must outlive the registry.
void add_dump_command(MonitorRegistry& registry, Debugger& debugger, Dumper& dumper);

}  // namespace ringside::debug
