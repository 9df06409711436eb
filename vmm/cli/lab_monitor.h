// `monitor` commands in the lab's machine, for a user who is outside it.
#pragma once

#include <string>
#include <string_view>

#include "gdbstub/target.h"
#include "vmm/cli/file_line.h"
#include "vmm/debug/monitor/monitor.h"

namespace ringside::cli {

// An environment variable that names the device of the line on which files leave the machine. It is set only in the lab.
inline constexpr const char* kFileLineVariable = "RINGSIDE_FILES";

// A file that a command writes is written inside, and then sent to the path outside that the user named. The command's answer
// comes when it is there. A debugger cannot be served at another endpoint: it would be one inside.
class LabMonitor final : public gdbstub::Monitor {
  public:
    LabMonitor(debug::MonitorRegistry& registry, FileLine line)
        : registry_(registry), line_(std::move(line)) {}

    gdbstub::MonitorAnswer run(gdbstub::ThreadId thread, std::string_view line) override;

  private:
    gdbstub::MonitorAnswer run_with_file(gdbstub::ThreadId thread, std::string_view line,
                                         std::string_view file);

    debug::MonitorRegistry& registry_;
    FileLine line_;
};

// The part of `line` that is the argument FILE of its command. Empty, at the end of `line`, if there is none.
std::string_view file_argument(const debug::MonitorCommand& command, std::string_view line);

}  // namespace ringside::cli
