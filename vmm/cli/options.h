// The command line as values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <spdlog/common.h>

#include "arch/x86_64/registers.h"
#include "gdbstub/transport/endpoint.h"
#include "vmm/boot/boot_image.h"
#include "vmm/cli/given_option.h"
#include "vmm/cli/host_choice.h"
#include "vmm/cli/ide_files.h"
#include "vmm/cli/virtio_options.h"
#include "vmm/debug/target/debugger.h"
#include "vmm/devices/console_endpoint.h"
#include "vmm/exits/report/report.h"

namespace ringside::cli {

class DeclaredOptions;

// `ringside run` and, with gdb started on top, `ringside gdb`.
struct RunOptions {
    std::string kernel;
    std::vector<std::string> initrds;  // each a file, for multiboot optionally followed by words
    std::string firmware;              // the firmware that starts the kernel; default: it is entered directly
    std::string command_line;
    std::string symbols;  // an ELF file with symbols; default: the kernel
    std::uint64_t memory = std::uint64_t{256} << 20;
    std::string memory_file;  // the file that contains the guest's memory; default: none
    std::uint32_t cpus = 1;
    std::optional<gdbstub::Endpoint> gdb;
    std::string dump_on_panic;  // the folder for a vmcore; default: none
    std::string restore;        // a snapshot's file to start from; default: the kernel is booted
    std::string control;        // the path of the socket that takes monitor commands; default: none
    std::optional<x86::GdbArchitecture> architecture;  // default: by the kernel's protocol
    debug::DebuggerOptions debugger;
    std::optional<devices::ConsoleEndpoint> serial;  // default: stdio, unless it is in use
    VirtioOptions virtio;
    Host host = Host::Auto;
    std::string kvm_device = "/dev/kvm";
    spdlog::level::level_enum log_level = spdlog::level::warn;
    std::optional<std::uint64_t> load_address;
    boot::LinuxEntry linux_entry = boot::LinuxEntry::Auto;
    std::optional<std::uint64_t> kaslr_slide;
    std::vector<std::filesystem::path> exit_files;  // the files to which the run's exits are recorded
    bool start_gdb = false;
    std::vector<std::string> gdb_arguments;
};

struct DoctorOptions {
    bool json = false;
    Host host = Host::Auto;
    std::string kvm_device = "/dev/kvm";
};

struct ExitsOptions {
    std::string recording;
    ringside::exits::ReportOptions report;
};

struct IdeOptions {
    Ide ide = Ide::VsCode;
    std::string kernel;   // default: vmlinux in the folder
    std::string symbols;  // default: the kernel
    std::filesystem::path folder = ".";
    std::uint16_t port = 1234;
    bool force = false;
    std::vector<std::string> run_arguments;
};

struct CtlOptions {
    std::string path;
    std::vector<std::string> words;
};

struct CoreOptions {
    std::string path;
    std::string gdb_text;  // as given; default: kDefaultEndpoint
    gdbstub::Endpoint gdb;
};

struct TopOptions {
    std::string path;
    bool batch = false;
    double interval = 1;      // seconds
    std::uint64_t count = 0;  // number of updates; 0: until the machine ends
};

using Command =
    std::variant<RunOptions, DoctorOptions, ExitsOptions, IdeOptions, CtlOptions, CoreOptions, TopOptions>;

// Either what to do, or that everything is printed (help, version, an error), with the exit status.
struct ParsedCommandLine {
    std::optional<Command> command;
    int status = 0;
    std::string name{};                // the command's
    std::vector<GivenOption> given{};  // its options, as they were given
};
ParsedCommandLine parse_command_line(int argc, char** argv);

// --gdb: where a debugger is served. `text` is empty for --gdb without a value.
inline constexpr const char* kDefaultEndpoint = "tcp:127.0.0.1:1234";
void add_endpoint_option(DeclaredOptions& app, std::string& text);

// Fails if the consoles and the debugger of a run cannot use stdin and stdout together.
Result<void> check_standard_streams(const RunOptions& options);
// Where the serial console is, by option or by default.
devices::ConsoleEndpoint serial_console(const RunOptions& options);

}  // namespace ringside::cli
