// `monitor` commands: one registry provides the dispatch, the help, the gdb commands and completion.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gdbstub/target.h"
#include "vmm/debug/target/debugger.h"

namespace ringside::debug {

// One command. `name` may have several words ("exits hist"); the longest name with which a line begins is chosen.
struct MonitorCommand {
    std::string name;
    std::string arguments;  // "ADDRESS [SIZE]", empty for none
    std::string help;       // one line
    // `rest` is what follows the name, trimmed. Returns what to print, or why the command is refused.
    std::function<Result<std::string>(gdbstub::ThreadId, std::string_view rest)> run;
    bool names_registers = false;  // for it "$rip" is the register's name, not its value
    std::string options = {};      // "[vcpu N] [--json]": what it accepts beside its arguments
    bool file_is_rest = false;     // FILE is the rest of the line and may contain spaces
};

// Why a command that needs a stopped guest is refused.
inline tl::unexpected<Error> guest_runs(std::string operation) {
    return failure(std::move(operation), "the guest is running", "Interrupt it first");
}

// "Usage: monitor NAME ARGUMENTS OPTIONS", as the advice of an error.
std::string usage(const MonitorCommand& command);

class MonitorRegistry final : public gdbstub::Monitor {
  public:
    MonitorRegistry();

    void add(MonitorCommand command) { commands_.push_back(std::move(command)); }
    // Allows arguments to use the registers of this guest, as `$rip`.
    void name_registers_of(Inspected& guest) { guest_ = &guest; }
    const std::vector<MonitorCommand>& commands() const { return commands_; }

    // Refuses a command that is unknown, and words after a command that declares neither arguments nor options.
    // Other commands check theirs.
    gdbstub::MonitorAnswer run(gdbstub::ThreadId thread, std::string_view line) override;

    // The command whose name is the longest with which `line` begins; null if there is none.
    const MonitorCommand* find(std::string_view line) const;

  private:
    Result<std::string> answer_to(gdbstub::ThreadId, std::string_view line) const;
    // Empty if there is no such command.
    std::string help(std::string_view topic) const;
    tl::unexpected<Error> unknown(std::string_view line) const;

    std::vector<MonitorCommand> commands_;
    Inspected* guest_ = nullptr;
};

// address-space, breakpoints, step, fatal, host: those that need only the debugger.
void add_debugger_commands(MonitorRegistry& registry, Debugger& debugger);
void add_version_commands(MonitorRegistry& registry);

}  // namespace ringside::debug
