#include "vmm/cli/lab_host.h"

#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <system_error>
#include <vector>

#include <nlohmann/json.hpp>

#include "vmm/cli/gdb_process.h"

namespace ringside::cli {

namespace {

using Json = nlohmann::json;

constexpr const char* kPython = "/usr/bin/python3";
constexpr const char* kScript = "host";  // in the lab's folder

bool has_lab(const std::filesystem::path& folder) {
    std::error_code ignored;
    return std::filesystem::is_regular_file(folder / kScript, ignored);
}

Json console(const devices::ConsoleEndpoint& endpoint) {
    using Kind = devices::ConsoleEndpoint::Kind;
    const char* kind = "none";
    switch (endpoint.kind) {
        case Kind::None:
            break;
        case Kind::Stdio:
            kind = "stdio";
            break;
        case Kind::Stderr:
            kind = "stderr";
            break;
        case Kind::File:
            kind = "file";
            break;
        case Kind::Unix:
            kind = "unix";
            break;
        case Kind::Pty:
            kind = "pty";
            break;
    }
    return {{"kind", kind}, {"path", endpoint.path}};
}

Json given(const std::vector<GivenOption>& options) {
    Json all = Json::array();
    for (const GivenOption& option : options)
        all.push_back({{"name", option.name},
                       {"refers", to_string(option.refers)},
                       {"flag", option.flag},
                       {"values", option.values}});
    return all;
}

void add_run(Json& out, const RunOptions& options) {
    out["memory"] = options.memory;
    out["serial"] = console(serial_console(options));
    if (options.virtio.console)
        out["virtio-console"] = console(*options.virtio.console);
    for (const auto& disk : options.virtio.disks)
        out["disks"].push_back({{"path", disk.path}, {"read-only", disk.read_only || disk.overlay}});
    if (options.gdb)
        out["gdb"] = gdbstub::to_string(*options.gdb);
    if (options.start_gdb)
        out["gdb-command"] = gdb_command(options);
}

}  // namespace

Result<std::filesystem::path> find_lab(const std::filesystem::path& program) {
    if (const char* given = ::getenv("RINGSIDE_LAB"); given != nullptr && *given != '\0') {
        if (has_lab(given))
            return std::filesystem::path(given);
        return failure(std::string("find the lab in RINGSIDE_LAB=") + given, "the lab's program is not there",
                       "Give the folder tests/lab of Ringside's source");
    }
    std::filesystem::path folder = program.parent_path();
    if (const auto installed = folder.parent_path() / "share" / "ringside" / "lab"; has_lab(installed))
        return installed;
    for (; folder.has_relative_path(); folder = folder.parent_path()) {
        if (const auto tree = folder / "tests" / "lab"; has_lab(tree))
            return tree;
    }
    return failure("find the lab", "it is not installed beside " + program.string(),
                   "Set RINGSIDE_LAB to the folder tests/lab of Ringside's source");
}

std::string handover(Host host, const ParsedCommandLine& parsed, const std::filesystem::path& program) {
    Json out{{"host", to_string(host)},
             {"program", program.string()},
             {"command", parsed.name},
             {"options", given(parsed.given)}};
    if (const auto* run = std::get_if<RunOptions>(&*parsed.command))
        add_run(out, *run);
    // Bytes of a file's name that are no UTF-8 would be replaced: such a name then is not found.
    return out.dump(-1, ' ', true, Json::error_handler_t::replace);
}

Error run_in_lab(Host host, const ParsedCommandLine& parsed) {
    if (const auto* run = std::get_if<RunOptions>(&*parsed.command)) {
        if (const auto streams = check_standard_streams(*run); !streams)
            return streams.error();
    }
    std::error_code error;
    const auto program = std::filesystem::read_symlink("/proc/self/exe", error);
    if (error)
        return errno_failure("read /proc/self/exe", error.value()).value();
    const auto lab = find_lab(program);
    if (!lab)
        return lab.error();
    const std::string script = *lab / kScript;
    const std::string text = handover(host, parsed, program);
    ::execl(kPython, kPython, script.c_str(), text.c_str(), nullptr);
    return errno_failure(std::string("start ") + kPython, errno, "Install it with: apt-get install python3")
        .value();
}

}  // namespace ringside::cli
