#include "vmm/cli/inspect_options.h"

#include <CLI/CLI.hpp>

#include "vmm/cli/validator.h"

namespace ringside::cli {

void add_ctl_options(DeclaredOptions& app, CtlOptions& options) {
    app.add("PATH", options.path, Refers::HostResource, "the machine's control socket")
        ->type_name("FILE")
        ->required();
    app.add("COMMAND", options.words, Refers::Nothing,
            "a monitor command with its arguments; help lists them")
        ->type_name("TEXT")
        ->required();
}

void finish_ctl(DeclaredOptions& app, CtlOptions& options) {
    for (const std::string& word : app.app().remaining())
        options.words.push_back(word);
}

void add_core_options(DeclaredOptions& app, CoreOptions& options) {
    app.add("FILE", options.path, Refers::HostResource,
            "a vmcore written by `monitor dump`, --dump-on-panic, or QEMU's dump-guest-memory")
        ->type_name("FILE")
        ->required();
    add_endpoint_option(app, options.gdb_text);
}

void finish_core(CoreOptions& options) {
    options.gdb = *gdbstub::parse_endpoint(options.gdb_text.empty() ? kDefaultEndpoint : options.gdb_text);
}

void add_top_options(DeclaredOptions& app, TopOptions& options) {
    app.add("PATH", options.path, Refers::HostResource, "the machine's control socket")
        ->type_name("FILE")
        ->required();
    app.add_flag("--batch", options.batch, "print lines for scripts instead of a screen");
    app.add("--interval", options.interval, Refers::Nothing, "seconds between updates")
        ->type_name("SECONDS")
        ->capture_default_str()
        ->check(CLI::Range(0.05, 3600.0).description(kNoDescription));
    app.add("--count", options.count, Refers::Nothing, "number of updates; 0: until the machine ends")
        ->type_name("NUMBER")
        ->capture_default_str();
}

}  // namespace ringside::cli
