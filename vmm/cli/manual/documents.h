// Generated from the command line's description: manual pages and completion for shells.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "vmm/cli/description.h"

namespace ringside::cli {

// A page of section 1 for `command`, which is ringside itself or one of its `commands`. `text` is the page's own text
// in man(7) macros; the options replace its line @OPTIONS@. Without text, the page has the content of --help.
std::string man_page(const CommandDescription& command, const std::vector<CommandDescription>& commands,
                     std::string_view text);
// The rows of a page's table of monitor commands (vmm/debug/monitor/README.md) in man(7) macros.
std::string monitor_commands(std::string_view markdown);
// "ringside", "ringside-run"
std::string page_name(const CommandDescription& command);

std::string bash_completion(const std::vector<CommandDescription>& commands);
std::string zsh_completion(const std::vector<CommandDescription>& commands);

}  // namespace ringside::cli
