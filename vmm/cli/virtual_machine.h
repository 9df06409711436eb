// All parts of one `ringside run`, in the order in which they are built and destroyed.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include <asio/io_context.hpp>
#include <asio/signal_set.hpp>

#include "vmm/cli/boot_report.h"
#include "vmm/cli/control_socket.h"
#include "vmm/cli/gdb_service.h"
#include "vmm/cli/kernel_loading.h"
#include "vmm/cli/lab_monitor.h"
#include "vmm/cli/options.h"
#include "vmm/debug/linux/linux_commands.h"
#include "vmm/debug/monitor/act_commands.h"
#include "vmm/debug/monitor/cpu_commands.h"
#include "vmm/debug/monitor/debugger_documents.h"
#include "vmm/debug/monitor/device_commands.h"
#include "vmm/debug/monitor/documents.h"
#include "vmm/debug/monitor/dump_command.h"
#include "vmm/debug/monitor/event_commands.h"
#include "vmm/debug/monitor/gdb_script.h"
#include "vmm/debug/monitor/history_commands.h"
#include "vmm/debug/monitor/interrupt_commands.h"
#include "vmm/debug/monitor/map_commands.h"
#include "vmm/debug/monitor/memory_commands.h"
#include "vmm/debug/monitor/monitor.h"
#include "vmm/debug/monitor/monitor_breakpoints.h"
#include "vmm/debug/monitor/snapshot_commands.h"
#include "vmm/debug/monitor/state_commands.h"
#include "vmm/debug/monitor/table_commands.h"
#include "vmm/debug/nested/control_commands.h"
#include "vmm/debug/nested/control_history.h"
#include "vmm/debug/nested/entry_failure_stop.h"
#include "vmm/debug/target/debugger.h"
#include "vmm/devices/console.h"
#include "vmm/devices/pc.h"
#include "vmm/devices/virtio/virtio_bus.h"
#include "vmm/exit_monitor/exit_catch_commands.h"
#include "vmm/exit_monitor/exit_commands.h"
#include "vmm/exit_monitor/exit_counters.h"
#include "vmm/exit_monitor/exit_trace.h"
#include "vmm/exit_monitor/transition_commands.h"
#include "vmm/kvm/system.h"
#include "vmm/machine/machine.h"

namespace ringside::cli {

class VirtualMachine final : private debug::DebuggerOwner {
  public:
    explicit VirtualMachine(const RunOptions& options) : options_(options) {}
    ~VirtualMachine() override;

    // Loads the kernel and builds the machine, its devices and the gdb server. Nothing runs yet.
    Result<void> build();
    // Runs until the guest or its user ends it. Returns the process's exit status.
    int run();

    // The file that `ringside gdb` lets gdb read at its start.
    std::string gdb_script() const { return debug::gdb_script(monitor_); }
    asio::io_context& io() { return io_; }
    // Ends run() with the given status; on run()'s thread.
    void end(int status);

  private:
    Result<machine::Hardware> make_hardware(machine::GuestMemory memory, const boot::BootState& state) const;
    void note_kernel(const boot::BootState& state);
    Result<void> open_console();
    Result<void> attach_virtio();
    Result<void> start_exit_trace();
    void add_monitor();
    void add_commands(const debug::SymbolOf& symbol);
    void add_documents(const debug::SymbolOf& symbol);
    Result<void> open_server();
    Result<void> open_control();
    // debug::DebuggerOwner
    void post(std::function<void()> work) override;
    void on_exit(machine::VcpuThread&, const exits::ExitRecord&) override;
    void on_console(const std::string& text) override;
    void on_printed(const std::string& text) override;
    void describe(gdbstub::StopEvent& stop) override { debug::add_entry_failure(*debugger_, stop); }
    void on_stop(const gdbstub::StopEvent&) override;
    void on_stop_shown() override { exits_->note_shown(); }
    void on_resume() override {
        if (!exits_->mark_resume())
            return;
        catches_->on_resume();
        control_history_.remember(*debugger_, controls_);
    }
    void on_client_gone() override {
        catches_->remove_all();
        breakpoints_->remove_all();
        forget_task_switch("the debugger that could see it has left");
    }
    void on_notice(const std::string& text) override;
    void on_quit() override;
    void on_ended_and_left() override { end_without_gdb(guest_status_); }
    Result<void> prepare_restart(const std::optional<gdbstub::Restart::Wanted>&) override;
    void restart(const machine::StopToken&) override;
    bool files_changed() const override { return files_ && files_->changed(); }
    void on_restart_failed(const std::string& why) override;
    void on_unattended_fatal(machine::FatalExit, const std::string& report) override;
    void on_crash_kept(const std::string& why) override;
    bool on_first_stop() override;
    void on_recording_failed(const Error&) override;
    void on_guest_end(const machine::GuestEnd& how) override;
    void on_panic(bool attended) override;
    // Says so, and `why`, if a stop at Linux's next task switch was asked for.
    void forget_task_switch(const char* why);
    debug::Dumper& dumper();
    std::uint8_t status_of(const machine::GuestEnd& how) const;
    void dump_after_panic(VcpuIndex vcpu);
    void finish_panic();
    gdbstub::ServerHooks server_hooks(const gdbstub::Endpoint& endpoint);
    void end_without_gdb(int status);
    void await_signal();

    const RunOptions& options_;
    asio::io_context io_;
    asio::signal_set signals_{io_};
    std::optional<kvm::System> system_;
    x86::GdbArchitecture architecture_ = x86::GdbArchitecture::X86_64;
    std::uint64_t kaslr_slide_ = 0;  // modulo 2^64
    // Put in place by a restart
    struct Next {
        machine::Hardware hardware;
        boot::BootState state;
        std::string command_line;
        FileVersions files;
    };
    std::optional<Next> next_;
    BootReport boot_report_;
    std::unique_ptr<devices::Console> console_;
    std::unique_ptr<machine::Machine> machine_;
    // Declared after the machine, and so destroyed before it: the end of a recording uses the machine's dirty pages.
    std::unique_ptr<debug::Debugger> debugger_;
    std::unique_ptr<devices::Pc> pc_;
    std::unique_ptr<devices::virtio::VirtioBus> virtio_;
    std::unique_ptr<debug::ExitMonitor> exits_;
    std::unique_ptr<debug::ExitCatches> catches_;
    std::unique_ptr<debug::MonitorBreakpoints> breakpoints_;
    debug::SeenControls controls_;
    debug::ControlHistory control_history_;
    std::unique_ptr<debug::ExitTrace> exit_trace_;
    std::optional<debug::Dumper> dumper_;
    std::unique_ptr<debug::Snapshots> snapshots_;
    std::unique_ptr<debug::LinuxGuest> linux_;
    std::unique_ptr<debug::TaskSwitchStop> task_switch_;
    debug::MonitorRegistry monitor_;
    std::optional<LabMonitor> lab_monitor_;  // the debugger's way to it, in the lab
    std::unique_ptr<debug::DocumentStore> documents_;
    GdbService gdb_{io_, [this](const gdbstub::Endpoint& endpoint) { return server_hooks(endpoint); }};
    std::unique_ptr<ControlSocket> control_;
    std::vector<ControlSocket::Reply> replies_at_stop_;
    std::string command_line_;           // of the kernel that runs
    std::optional<FileVersions> files_;  // that it was loaded from
    int status_ = 0;
    int guest_status_ = 0;           // the guest has ended with it
    bool panicked_ = false;          // the guest's kernel has reported it
    bool panic_unattended_ = false;  // no debugger was attached
    bool dump_at_stop_ = false;      // the panic is dumped when every vCPU has stopped
};

}  // namespace ringside::cli
