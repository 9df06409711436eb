#include "vmm/cli/options.h"

#include <algorithm>

#include <CLI/CLI.hpp>

#include "vmm/base/text.h"
#include "vmm/cli/description.h"
#include "vmm/cli/exit_status.h"
#include "vmm/cli/inspect_options.h"
#include "vmm/cli/recording_options.h"
#include "vmm/cli/validator.h"

namespace ringside::cli {

namespace {

// An APIC id has 8 bits, and 255 means all. (Ids of 32 bits would need more: the in-kernel IOAPIC cannot name
// them.) This host's KVM may allow fewer, which Machine::create() checks.
constexpr int kMostVcpus = 255;

constexpr std::string_view kUnix = "unix:";

Result<std::uint64_t> size_option(const std::string& text) {
    const auto size = parse_size(text);
    if (!size)
        return failure(text, "a size is a number followed by K, M or G, as in 512M");
    return *size;
}

Result<std::uint64_t> number_option(const std::string& text) {
    const auto number = parse_number(text);
    if (!number)
        return failure(text, "it is not a number");
    return *number;
}

std::string check_endpoint(const std::string& text) {
    const auto endpoint = gdbstub::parse_endpoint(text);
    return endpoint ? "" : endpoint.error().message;
}

std::string check_control(const std::string& text) {
    return text.starts_with(kUnix) && text.size() > kUnix.size() ? "" : "it must be unix: and a path";
}

std::string check_module(const std::string& text) {
    return text.empty() || text.front() == ' ' ? "it names no file" : "";
}

void add_host_option(DeclaredOptions& app, Host& host, const std::string& help) {
    std::vector<Word<Host>> words;
    for (const Host each : {Host::Auto, Host::Kvm, Host::Intel, Host::Amd})
        words.push_back({to_string(each), each});
    add_choice<Host>(app, "--host", host, std::move(words), help, Refers::Host);
}

constexpr const char* kHostHelp =
    "where the machine runs: on this host's KVM, or in a lab, which emulates Intel's or AMD's virtualization "
    "hardware; auto: this host's KVM if it is usable, otherwise the Intel lab";

// What CLI11 fills in as text before it becomes values.
struct RunTexts {
    std::string gdb;
    std::string control;
    std::string exit_trace;
    std::string exit_report;
    VirtioTexts virtio;
    RecordingTexts recording;
    bool gdb_default = false;
    bool freeze = false;
};

void add_run_options(DeclaredOptions& app, RunOptions& options, RunTexts& texts) {
    add_host_option(app, options.host, kHostHelp);
    app.add("KERNEL", options.kernel, Refers::FileRead,
            "kernel to boot: ELF (PVH, multiboot, plain), bzImage, firmware or flat image")
        ->type_name("FILE")
        ->required();
    add_parsed(app, "-m,--memory", options.memory, size_option, "guest memory, as in 64M or 2G")
        ->type_name("SIZE")
        ->default_str("256M");
    app.add("--memory-file", options.memory_file, Refers::HostResource,
            "keep guest memory in this file, for programs that read a running guest, such as crash")
        ->type_name("FILE");
    app.add("-c,--cpus", options.cpus, Refers::Nothing, "number of vCPUs")
        ->type_name("NUMBER")
        ->capture_default_str()
        ->check(CLI::Range(1, kMostVcpus).description(kNoDescription));
    app.add("-i,--initrd", options.initrds, Refers::FileRead,
            "initial RAM disk; for a multiboot kernel a module, optionally with a "
            "command line as in \"FILE a=b\" (repeatable)")
        ->type_name("FILE")
        ->expected(1)
        ->check(CLI::Validator(check_module, kNoDescription))
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    app.add("--firmware", options.firmware, Refers::FileRead,
            "a BIOS that starts KERNEL, a bzImage, at its 16-bit entry, such as "
            "/usr/share/seabios/bios-256k.bin")
        ->type_name("FILE");
    app.add("-a,--append", options.command_line, Refers::Nothing,
            "the kernel's command line (default for Linux: \"console=ttyS0 reboot=k panic=-1\")")
        ->type_name("TEXT");
    add_parsed(app, "--load-addr", options.load_address, number_option,
               "where to load a flat image (default 0x7c00)")
        ->type_name("ADDRESS");
    using boot::LinuxEntry;
    add_choice<LinuxEntry>(
        app, "--linux-entry", options.linux_entry,
        {{"auto", LinuxEntry::Auto},
         {"decompressor", LinuxEntry::Decompressor},
         {"payload", LinuxEntry::Payload}},
        "where to enter Linux: its own decompressor, the packed kernel (payload), or auto");
    add_parsed(app, "--kaslr-slide", options.kaslr_slide, number_option,
               "how far to move Linux from its link address, as in 0x4000000 (default: random)")
        ->type_name("BYTES");
    app.add("--symbols", options.symbols, Refers::FileRead,
            "ELF file with the kernel's symbols (default: KERNEL)")
        ->type_name("FILE");
    using debug::OnDisconnect;
    add_choice<OnDisconnect>(app, "--on-disconnect", options.debugger.on_disconnect,
                             {{"pause", OnDisconnect::Pause},
                              {"resume", OnDisconnect::Resume},
                              {"restart", OnDisconnect::Restart},
                              {"quit", OnDisconnect::Quit}},
                             "what the guest does when its debugger vanishes; restart: whenever the debugger "
                             "leaves, restart and "
                             "wait for the next one");
    using debug::OnReset;
    add_choice<OnReset>(
        app, "--on-reset", options.debugger.on_reset,
        {{"stop", OnReset::Stop}, {"restart", OnReset::Restart}, {"exit", OnReset::Exit}},
        "what the guest's own reset does: stop there if a debugger is attached, restart the guest, or exit");
    add_parsed(app, "--guest-stop", options.debugger.guest_stops, debug::parse_guest_stops,
               "where the guest itself may ask to stop, while a debugger is attached (monitor guest-stop)")
        ->type_name("int3|xchg|port:NUMBER,...");
    using x86::GdbArchitecture;
    add_choice<std::optional<GdbArchitecture>>(
        app, "--gdb-arch", options.architecture,
        {{"auto", std::nullopt},
         {"x86-64", GdbArchitecture::X86_64},
         {"i386", GdbArchitecture::I386},
         {"i8086", GdbArchitecture::I8086}},
        "set of registers; auto: i8086 for a flat image, i386 for a kernel whose debug "
        "information is entirely 32-bit");
    add_parsed(app, "--serial", options.serial, devices::parse_console_endpoint,
               "serial console (default: stdio, unless it is in use)", Refers::Console)
        ->type_name("stdio|stderr|file:PATH|unix:PATH|pty|none");
    add_virtio_options(app, texts.virtio);
    app.add("--control", texts.control, Refers::HostResource,
            "accept monitor commands from `ringside ctl` at this socket")
        ->type_name("unix:PATH")
        ->check(CLI::Validator(check_control, kNoDescription));
    app.add("--dump-on-panic", options.dump_on_panic, Refers::HostResource,
            "write a vmcore to this folder when the guest's kernel reports a panic (pvpanic)")
        ->type_name("DIR");
    app.add("--restore", options.restore, Refers::FileRead,
            "start from a file that `monitor snapshot save NAME FILE` wrote for an identical machine")
        ->type_name("FILE");
    add_recording_options(app, texts.recording);
    app.add("--exit-trace", texts.exit_trace, Refers::FileWritten,
            "record every VM exit; FILE.json is for Perfetto, other names are for `ringside exits`")
        ->type_name("FILE");
    app.add("--exit-report", texts.exit_report, Refers::FileWritten, "write a page about the run's VM exits")
        ->type_name("FILE.html");
    namespace level = spdlog::level;
    add_choice<level::level_enum>(app, "--log-level", options.log_level,
                                  {{"trace", level::trace},
                                   {"debug", level::debug},
                                   {"info", level::info},
                                   {"warn", level::warn},
                                   {"error", level::err},
                                   {"off", level::off}},
                                  "how much to log on stderr");
    app.add("--kvm-device", options.kvm_device, Refers::HostResource, "the KVM device")
        ->type_name("FILE")
        ->capture_default_str();
}

void add_stub_options(DeclaredOptions& app, RunOptions& options, RunTexts& texts) {
    add_endpoint_option(app, texts.gdb);
    app.add_flag("--wait", options.debugger.wait,
                 "keep every vCPU stopped at its first instruction until a debugger resumes it");
    app.add_flag("-s", texts.gdb_default, "the same as --gdb", Refers::Debugger);
    app.add_flag("-S", texts.freeze, "the same as --wait");
}

struct ExitsTexts {
    Host host = Host::Auto;
    std::string symbols;
    std::string html;
    std::string chrome;
    std::string csv;
};

void add_exits_options(DeclaredOptions& app, ExitsOptions& options, ExitsTexts& texts) {
    app.add("FILE", options.recording, Refers::FileRead,
            "a recording written by `ringside run --exit-trace FILE`")
        ->type_name("FILE")
        ->required();
    app.add("--symbols", texts.symbols, Refers::FileRead,
            "ELF file with symbols (default: the kernel that was run)")
        ->type_name("FILE");
    app.add("--html", texts.html, Refers::FileWritten, "write a page for a browser")->type_name("FILE");
    app.add("--chrome", texts.chrome, Refers::FileWritten, "write a trace for Perfetto and chrome://tracing")
        ->type_name("FILE");
    app.add("--csv", texts.csv, Refers::FileWritten, "write a line for each exit")->type_name("FILE");
    add_host_option(app, texts.host,
                    "accepted as by the other commands; a recording is always read on this host");
    app.add("--last", options.report.last, Refers::Nothing,
            "rows in the tables of the last exits and the hottest addresses")
        ->type_name("NUMBER")
        ->capture_default_str();
}

void finish(ExitsOptions& options, const ExitsTexts& texts) {
    if (!texts.symbols.empty())
        options.report.symbols = texts.symbols;
    using enum exits::ExportFormat;
    for (const auto& [format, path] :
         {std::pair(Html, texts.html), std::pair(Chrome, texts.chrome), std::pair(Csv, texts.csv)}) {
        if (!path.empty())
            options.report.exports.push_back({format, path});
    }
}

void finish(RunOptions& options, const RunTexts& texts, const CLI::App& app) {
    const bool gdb_given = !options.start_gdb && app.count("--gdb") != 0;
    if (gdb_given || texts.gdb_default)
        options.gdb = *gdbstub::parse_endpoint(texts.gdb.empty() ? kDefaultEndpoint : texts.gdb);
    options.debugger.wait = options.debugger.wait || texts.freeze;
    if (options.debugger.wait && !options.gdb && !options.start_gdb)
        throw CLI::ValidationError("--wait", "without --gdb, nothing can resume the guest");
    options.virtio = finish(texts.virtio);
    if (!texts.control.empty())
        options.control = texts.control.substr(kUnix.size());
    const bool can_ask = options.gdb || options.start_gdb || !options.control.empty();
    finish(texts.recording, app, can_ask, options.debugger);
    if (!texts.exit_report.empty() && exits::export_format_of(texts.exit_report) != exits::ExportFormat::Html)
        throw CLI::ValidationError("--exit-report", "the file's name must end in .html");
    for (const std::string& file : {texts.exit_trace, texts.exit_report}) {
        if (!file.empty())
            options.exit_files.emplace_back(file);
    }
}

void add_ide_options(DeclaredOptions& app, IdeOptions& options) {
    add_choice<Ide>(app, "IDE", options.ide,
                    {{"vscode", Ide::VsCode}, {"clion", Ide::Clion}, {"neovim", Ide::Neovim}},
                    "the IDE to write files for")
        ->default_str("")
        ->required();
    app.add("KERNEL", options.kernel, Refers::FileRead, "kernel to debug (default: vmlinux in the folder)")
        ->type_name("FILE");
    app.add("RUN-OPTIONS", options.run_arguments, Refers::Nothing, "more options of `ringside run`, after --")
        ->type_name("TEXT");
    app.add("--symbols", options.symbols, Refers::FileRead,
            "ELF file with the kernel's symbols (default: KERNEL)")
        ->type_name("FILE");
    app.add("--folder", options.folder, Refers::FileWritten, "the folder that the IDE opens")
        ->type_name("FOLDER")
        ->capture_default_str();
    app.add("--port", options.port, Refers::Nothing, "TCP port at which the debugger connects to the machine")
        ->type_name("NUMBER")
        ->capture_default_str()
        ->check(CLI::Range(1, 65535).description(kNoDescription));
    app.add_flag("--force", options.force, "replace existing files");
}

// The arguments after the program's name, last first, as CLI11 expects them. `--append=` gives an empty value:
// CLI11 would take the next argument for it.
std::vector<std::string> reversed_arguments(int argc, char** argv) {
    const std::vector<std::string> given(argv + 1, argv + argc);
    const auto end_of_ours = std::find(given.begin(), given.end(), "--");
    std::vector<std::string> arguments;
    for (auto argument = given.begin(); argument != given.end(); ++argument) {
        const bool empty_value = argument < end_of_ours && argument->starts_with("--") &&
                                 argument->find('=') == argument->size() - 1;
        arguments.push_back(empty_value ? argument->substr(0, argument->size() - 1) : *argument);
        if (empty_value)
            arguments.emplace_back();
    }
    std::reverse(arguments.begin(), arguments.end());
    return arguments;
}

// All commands with their options, and where CLI11 puts what it parses.
struct CommandLine {
    CommandLine();
    ParsedCommandLine parse(int argc, char** argv);

    CLI::App app{"Ringside: boot a kernel on KVM and debug it from gdb, lldb or an IDE.", "ringside"};
    RunOptions run;
    RunTexts run_texts;
    DeclaredOptions run_app{*app.add_subcommand("run", "boot a guest")};
    RunOptions gdb;
    RunTexts gdb_texts;
    DeclaredOptions gdb_app{*app.add_subcommand("gdb", "boot a guest with gdb attached in this terminal")};
    DoctorOptions doctor;
    DeclaredOptions doctor_app{*app.add_subcommand("doctor", "measure what this host's KVM can do")};
    ExitsOptions exits;
    ExitsTexts exits_texts;
    DeclaredOptions exits_app{
        *app.add_subcommand("exits", "turn a recording of VM exits into tables, a page or a trace")};
    IdeOptions ide;
    DeclaredOptions ide_app{*app.add_subcommand("ide", "write an IDE's configuration for a kernel")};
    CtlOptions ctl;
    DeclaredOptions ctl_app{*app.add_subcommand("ctl", "send a monitor command to a running machine")};
    TopOptions top;
    DeclaredOptions top_app{*app.add_subcommand("top", "show a running machine's VM exits per second")};
    CoreOptions core;
    DeclaredOptions core_app{
        *app.add_subcommand("core", "serve a vmcore to a debugger as a stopped machine")};
};

CommandLine::CommandLine() {
    app.set_version_flag("--version", "ringside " RINGSIDE_VERSION);
    app.require_subcommand(1);
    add_run_options(run_app, run, run_texts);
    add_stub_options(run_app, run, run_texts);
    add_run_options(gdb_app, gdb, gdb_texts);
    gdb_app.add("GDB-ARGS", gdb.gdb_arguments, Refers::Gdb, "more arguments for gdb, after --")
        ->type_name("TEXT");
    add_host_option(doctor_app, doctor.host, kHostHelp);
    doctor_app.add_flag("--json", doctor.json, "print JSON");
    doctor_app.add("--kvm-device", doctor.kvm_device, Refers::HostResource, "the KVM device")
        ->type_name("FILE")
        ->capture_default_str();
    add_exits_options(exits_app, exits, exits_texts);
    add_ide_options(ide_app, ide);
    app.get_subcommand("ctl")->allow_extras();  // "--json", which is the monitor's
    add_ctl_options(ctl_app, ctl);
    add_core_options(core_app, core);
    add_top_options(top_app, top);
}

ParsedCommandLine CommandLine::parse(int argc, char** argv) {
    const auto parsed = [](const DeclaredOptions& options, Command command) {
        return ParsedCommandLine{std::move(command), kSuccess, options.app().get_name(),
                                 given_options(options)};
    };
    try {
        app.parse(reversed_arguments(argc, argv));
        if (exits_app.app().parsed()) {
            finish(exits, exits_texts);
            return parsed(exits_app, std::move(exits));
        }
        if (ide_app.app().parsed())
            return parsed(ide_app, std::move(ide));
        if (ctl_app.app().parsed()) {
            finish_ctl(ctl_app, ctl);
            return parsed(ctl_app, std::move(ctl));
        }
        if (top_app.app().parsed())
            return parsed(top_app, std::move(top));
        if (core_app.app().parsed()) {
            finish_core(core);
            return parsed(core_app, std::move(core));
        }
        if (doctor_app.app().parsed())
            return parsed(doctor_app, doctor);
        if (run_app.app().parsed()) {
            finish(run, run_texts, run_app.app());
            return parsed(run_app, std::move(run));
        }
        gdb.start_gdb = true;
        gdb.debugger.wait = true;
        finish(gdb, gdb_texts, gdb_app.app());
        return parsed(gdb_app, std::move(gdb));
    } catch (const CLI::ParseError& error) {
        const int status = app.exit(error);
        return {std::nullopt, status == 0 ? kSuccess : kBadUsage};
    }
}

}  // namespace

void add_endpoint_option(DeclaredOptions& app, std::string& text) {
    app.add("--gdb", text, Refers::Debugger, "serve a debugger at this endpoint")
        ->type_name("tcp:HOST:PORT|unix:PATH|serial:DEVICE|stdio")
        ->expected(0, 1)
        ->default_str(kDefaultEndpoint)
        ->check(CLI::Validator(check_endpoint, kNoDescription));
}

ParsedCommandLine parse_command_line(int argc, char** argv) {
    return CommandLine().parse(argc, argv);
}

std::vector<CommandDescription> describe_command_line() {
    const CommandLine command_line;
    std::vector<CommandDescription> commands{describe(command_line.app)};
    for (const CLI::App* command : command_line.app.get_subcommands([](const CLI::App*) { return true; }))
        commands.push_back(describe(*command));
    return commands;
}

}  // namespace ringside::cli
