#include "vmm/cli/virtual_machine.h"

#include <unistd.h>

#include <csignal>

#include <spdlog/spdlog.h>
#include <asio/post.hpp>

#include "vmm/cli/exit_status.h"
#include "vmm/debug/run_control/thread_ids.h"
#include "vmm/exits/report/code_width.h"

namespace ringside::cli {

VirtualMachine::~VirtualMachine() {
    gdb_.close();  // says goodbye to its client while the debugger still lives
    if (machine_)
        machine_->stop();
}

Result<void> VirtualMachine::build() {
    auto system = TRY(kvm::System::open(options_.kvm_device));
    system_.emplace(std::move(system));
    auto kernel = TRY(load_kernel(options_));
    boot_report_.loaded(options_.kernel, kernel.state);
    TRY(open_console());
    auto hardware = TRY(make_hardware(std::move(kernel.memory), kernel.state));
    if (kernel.memory_file)
        TRY(kernel.memory_file->put_in_place());

    auto debugger_options = options_.debugger;
    debugger_options.architecture = architecture_ = kernel.architecture;
    debug::DebuggerOwner& owner = *this;
    debugger_ = std::make_unique<debug::Debugger>([this] { return debug::probe_host(*system_); },
                                                  debugger_options, owner);
    machine_ = machine::Machine::create(std::move(hardware), debugger_->observer());
    machine_->set_end_handler(
        [this](auto vcpu, const machine::GuestEnd& how) { debugger_->on_guest_end(vcpu, how); });
    machine_->set_panic_handler([this](VcpuIndex vcpu) { debugger_->on_panic(vcpu); });
    debugger_->bind(*machine_);
    pc_ = std::make_unique<devices::Pc>(*machine_, *console_, std::move(kernel.state.fw_cfg));
    TRY(pc_->attach());
    TRY(attach_virtio());
    exits_ = std::make_unique<debug::ExitMonitor>(*debugger_, options_.kernel, options_.symbols);
    catches_ = std::make_unique<debug::ExitCatches>(
        *debugger_, exits_->names(), [this](VcpuIndex vcpu) { return exits_->last_hardware_exit(vcpu); });
    note_kernel(kernel.state);
    command_line_ = options_.command_line;
    files_ = std::move(kernel.files);
    TRY(start_exit_trace());
    return open_server();
}

Result<machine::Hardware> VirtualMachine::make_hardware(machine::GuestMemory memory,
                                                        const boot::BootState& state) const {
    const auto pages = options_.debugger.record != 0 ? machine::PageLog::Rings : machine::PageLog::Bitmap;
    auto hardware = TRY(machine::make_hardware(*system_, std::move(memory), options_.cpus, pages));
    TRY(hardware.set_boot_state(state.general, state.system));
    return hardware;
}

// Where KASLR has put the kernel, for symbols here and for the debugger's.
void VirtualMachine::note_kernel(const boot::BootState& state) {
    kaslr_slide_ = state.kaslr_slide.value_or(0);
    exits_->set_symbol_slide(static_cast<std::int64_t>(kaslr_slide_));
    gdbstub::Target& target = debugger_->target();
    target.first_segment = kaslr_slide_ != 0 ? state.first_segment : std::nullopt;
    if (state.kaslr_slide || exits::is_elf(options_.symbols.empty() ? options_.kernel : options_.symbols))
        target.load_offset = kaslr_slide_;
}

Result<void> VirtualMachine::open_console() {
    TRY(check_standard_streams(options_));
    auto descriptors = TRY(devices::open_console(serial_console(options_)));
    if (!descriptors.announcement.empty())
        fmt::print(stderr, "serial: {}\n", descriptors.announcement);
    console_ = std::make_unique<devices::Console>(std::move(descriptors), [this] { boot_report_.wrote(); });
    return {};
}

Result<void> VirtualMachine::attach_virtio() {
    const auto report = [](const std::string& text) { spdlog::warn("{}", text); };
    const auto quit = [this] { asio::post(io_, [this] { end(kSuccess); }); };
    const auto interrupt = [this](Gsi gsi, std::string_view device) -> machine::InterruptLine& {
        return machine_->interrupt(gsi, device);
    };
    auto devices = TRY(open_virtio_devices(options_.virtio, {quit, report}));
    virtio_ = TRY(devices::virtio::VirtioBus::create(
        {machine_->memory(), machine_->buses().mmio, machine_->device_gate(), interrupt, report},
        std::move(devices)));
    virtio_->add_states(machine_->device_states());
    return {};
}

Result<void> VirtualMachine::start_exit_trace() {
    if (options_.exit_files.empty())
        return {};
    auto trace = TRY(debug::ExitTrace::start(*exits_, options_.exit_files));
    exit_trace_ = std::move(trace);
    return {};
}

Result<void> VirtualMachine::open_server() {
    add_monitor();
    if (const char* device = ::getenv(kFileLineVariable); device != nullptr) {
        lab_monitor_.emplace(monitor_, TRY(FileLine::open(device)));
        debugger_->target().monitor = &*lab_monitor_;
    }
    if (options_.debugger.record != 0) {
        TRY(history::Recorder::check(*machine_));
        if (machine_->vcpu_count() > 1)
            fmt::print(stderr, "ringside: {}.\n", debug::TimeTravel::kOneAtATime);
    }
    debugger_->offer_reverse();
    TRY(open_control());
    if (!options_.gdb)
        return {};
    TRY(gdb_.open("--gdb " + gdbstub::to_string(*options_.gdb), *options_.gdb, debugger_->target()));
    if (!options_.start_gdb)
        fmt::print(stderr, "gdb: listening on {}\n", gdb_.server()->description());
    return {};
}

Result<void> VirtualMachine::open_control() {
    if (options_.control.empty())
        return {};
    auto control = ControlSocket::open(
        io_, options_.control, [this](const std::string& line, ControlSocket::Reply reply) {
            gdbstub::MonitorAnswer answer = monitor_.run(gdbstub::ThreadId{1}, line);
            // The answer to `stop` waits until the guest has stopped.
            if (line == "stop" && debugger_->target().execution.running())
                replies_at_stop_.push_back(std::move(reply));
            else
                reply(std::move(answer));
        });
    if (!control)
        return failure("--control unix:" + options_.control, control.error().message);
    control_ = std::move(*control);
    return {};
}

void VirtualMachine::post(std::function<void()> work) {
    asio::post(io_, std::move(work));
}

void VirtualMachine::on_exit(machine::VcpuThread& thread, const exits::ExitRecord& exit) {
    catches_->on_exit(thread, exit);
}

void VirtualMachine::on_stop(const gdbstub::StopEvent& stop) {
    debug::note_controls(*debugger_, controls_);
    for (const auto& reply : std::exchange(replies_at_stop_, {}))
        reply({"The guest is stopped.\n"});
    if (std::exchange(dump_at_stop_, false))
        dump_after_panic(debug::vcpu_of(stop.thread));
    gdbstub::StopEvent shown = stop;
    task_switch_->describe(shown);
    if (auto* server = gdb_.server())
        server->post_stop(shown);
    // Whoever has asked for it over the control socket looks here.
    const bool by_monitor = shown.console.starts_with("Ringside: ");
    if (!debugger_->client_attached() && (by_monitor || shown.console != stop.console))
        fmt::print(stderr, "{}{}ringside: The guest is stopped.\n",
                   by_monitor ? "" : "ringside: ", shown.console);
}

void VirtualMachine::forget_task_switch(const char* why) {
    if (!task_switch_->forget())
        return;
    const auto words = fmt::format("`linux task-switch` is off: {}.\n", why);
    if (debugger_->client_attached())
        on_console(words);
    else
        fmt::print(stderr, "ringside: {}", words);
}

void VirtualMachine::on_console(const std::string& text) {
    if (auto* server = gdb_.server())
        server->post_console(text);
}

// A dprintf may go on printing when its client has left.
void VirtualMachine::on_printed(const std::string& text) {
    const auto log = [](const std::string& printed) {
        spdlog::info("{}", std::string_view(printed).substr(0, printed.find_last_not_of('\n') + 1));
    };
    if (auto* server = gdb_.server())
        server->post_console(text, log);
    else
        log(text);
}

void VirtualMachine::on_notice(const std::string& text) {
    spdlog::info("{}", text);
}

void VirtualMachine::on_quit() {
    end_without_gdb(kSuccess);
}

void VirtualMachine::on_unattended_fatal(machine::FatalExit cause, const std::string& report) {
    fmt::print(stderr, "ringside: {}", report);
    end_without_gdb(cause == machine::FatalExit::TripleFault ? kTripleFault : kFailure);
}

void VirtualMachine::on_crash_kept(const std::string& why) {
    fmt::print(stderr,
               "ringside: {}ringside: The guest stays stopped there. A debugger that attaches now can go "
               "back, for example with `reverse-continue`.\n",
               why);
}

bool VirtualMachine::on_first_stop() {
    if (options_.restore.empty())
        return true;
    auto restored = snapshots_->load(options_.restore);
    if (restored)
        restored = snapshots_->restore(options_.restore).map([](std::uint64_t) {});
    if (restored)
        return true;
    fmt::print(stderr, "ringside: {}\n", restored.error().message());
    end(kFailure);
    return false;
}

void VirtualMachine::on_recording_failed(const Error& error) {
    fmt::print(stderr, "ringside: {}\n", error.message());
    end(kFailure);
}

void VirtualMachine::on_panic(bool attended) {
    panicked_ = true;
    panic_unattended_ = !attended;
    dump_at_stop_ = !options_.dump_on_panic.empty();  // the other vCPUs still run
    if (!dump_at_stop_)
        finish_panic();
}

void VirtualMachine::finish_panic() {
    if (!panic_unattended_)
        return;
    fmt::print(stderr, "ringside: the guest's kernel has panicked (pvpanic): end of the run\n");
    end_without_gdb(kPanic);
}

void VirtualMachine::dump_after_panic(VcpuIndex vcpu) {
    const auto path = fmt::format("{}/ringside-{}.vmcore", options_.dump_on_panic, ::getpid());
    const auto said = dumper().dump(path, vcpu);
    fmt::print(stderr, "ringside: {}", said ? *said : said.error().message() + "\n");
    finish_panic();
}

gdbstub::ServerHooks VirtualMachine::server_hooks(const gdbstub::Endpoint& endpoint) {
    gdbstub::ServerHooks hooks;
    hooks.on_event = [](const std::string& text) { spdlog::info("gdb: {}", text); };
    hooks.on_error = [](const std::string& text) { spdlog::debug("gdb: {}", text); };
    // Over stdio there will never be another client: the guest would run on unseen.
    if (std::holds_alternative<gdbstub::StdioEndpoint>(endpoint))
        hooks.on_disconnect = [this] { end(guest_status_); };
    return hooks;
}

std::uint8_t VirtualMachine::status_of(const machine::GuestEnd& how) const {
    using Kind = machine::GuestEnd::Kind;
    if (how.kind == Kind::DebugExit)
        return how.status;
    if (panicked_)
        return kPanic;
    const bool should_have_restarted =
        how.kind == Kind::Reset && options_.debugger.on_reset == debug::OnReset::Restart;
    return should_have_restarted ? kFailure : kSuccess;
}

void VirtualMachine::on_guest_end(const machine::GuestEnd& how) {
    using Kind = machine::GuestEnd::Kind;
    if (how.kind == Kind::Reset)
        spdlog::warn("the guest has reset the machine ({}): end of the run", how.source);
    else
        spdlog::info("guest: {} ({})", how.kind == Kind::PowerOff ? "power-off" : "exit", how.source);
    const auto status = status_of(how);
    debugger_->set_ended();
    if (auto* server = gdb_.server(); server != nullptr && debugger_->client_attached())
        server->post_stop({gdbstub::ThreadId{}, gdbstub::Exited{status}, debugger_->last_words()});
    guest_status_ = status;
    // Behind the stop reply, which is sent from this thread too.
    if (!debugger_->client_stays_behind_guest())
        asio::post(io_, [this, status] { end_without_gdb(status); });
}

// A gdb of our own keeps its prompt when the guest has ended, and its end is the run's.
void VirtualMachine::end_without_gdb(int status) {
    if (!options_.start_gdb)
        end(status);
}

void VirtualMachine::end(int status) {
    status_ = status;
    io_.stop();
}

void VirtualMachine::await_signal() {
    signals_.async_wait([this](std::error_code error, int signal) {
        if (error)
            return;
        if (signal == SIGINT && options_.start_gdb)
            await_signal();  // Ctrl-C is gdb's
        else
            end(128 + signal);
    });
}

int VirtualMachine::run() {
    for (const int signal : {SIGINT, SIGTERM, SIGHUP})
        signals_.add(signal);
    await_signal();
    if (serial_console(options_).kind != devices::ConsoleEndpoint::Kind::None)
        console_->start_input(io_, pc_->serial(), [this] { end(kSuccess); });
    const auto keep_running = asio::make_work_guard(io_);
    boot_report_.started(options_.debugger.wait);
    virtio_->start();
    machine_->start();
    // Otherwise no one could see hardware exits, and they would only cost time.
    if (gdb_.server() != nullptr || control_ || exit_trace_)
        exits_->machine_started();
    io_.run();
    machine_->stop();
    if (exit_trace_) {
        if (auto r = exit_trace_->finish(); !r) {
            fmt::print(stderr, "ringside: {}\n", r.error().message());
            status_ = status_ == kSuccess ? kFailure : status_;
        }
    }
    return status_;
}

}  // namespace ringside::cli
