// Registers the `monitor` commands and the documents.

#include <fmt/format.h>

#include "vmm/cli/virtual_machine.h"
#include "vmm/debug/nested/level_command.h"
#include "vmm/debug/nested/vmcs_commands.h"

namespace ringside::cli {

debug::Dumper& VirtualMachine::dumper() {
    if (!dumper_) {
        const auto named = [this]() -> std::optional<debug::NotePlace> {
            const auto entry = pc_->fw_cfg().vmcoreinfo();
            return entry ? std::optional(debug::NotePlace{entry->address, entry->size}) : std::nullopt;
        };
        const auto print = [](const std::string& line) { fmt::print(stderr, "ringside: {}\n", line); };
        dumper_.emplace(*debugger_, named, debug::ProgressLine(print));
    }
    return *dumper_;
}

void VirtualMachine::add_monitor() {
    const auto symbol = [this](std::uint64_t rip) { return exits_->names().symbol(rip); };
    add_commands(symbol);
    add_documents(symbol);
    debugger_->target().monitor = &monitor_;
    debugger_->target().documents = documents_.get();
}

void VirtualMachine::add_commands(const debug::SymbolOf& symbol) {
    debug::add_state_commands(monitor_, *debugger_);
    debug::add_debugger_commands(monitor_, *debugger_);
    debug::add_version_commands(monitor_);
    debug::add_interrupt_commands(monitor_, *debugger_);
    debug::add_level_command(monitor_, *debugger_);
    debug::add_vmcs_commands(monitor_, *debugger_, control_history_,
                             [this](VcpuIndex vcpu) { return exits_->last_exit_information(vcpu); });
    debug::add_control_commands(monitor_, *debugger_, controls_);
    debug::add_event_commands(monitor_, *debugger_);
    debug::add_table_commands(monitor_, *debugger_);
    debug::add_cpu_commands(monitor_, *debugger_);
    debug::add_device_commands(monitor_, *debugger_);
    debug::add_map_commands(monitor_, *debugger_);
    debug::add_memory_commands(monitor_, *debugger_);
    debug::add_memory_writing_command(monitor_, *debugger_);
    debug::add_port_commands(monitor_, *debugger_);
    debug::add_disassembly_command(monitor_, *debugger_);
    debug::add_dump_command(monitor_, *debugger_, dumper());
    debug::add_act_commands(monitor_, *debugger_);
    debug::add_power_button_command(monitor_, *debugger_,
                                    [this] { return pc_->acpi_pm().press_power_button(); });
    debug::add_serial_command(monitor_, *debugger_,
                              {[this] { return pc_->serial().receive_break(); },
                               [this](char key) {
                                   const std::byte byte{static_cast<unsigned char>(key)};
                                   return pc_->serial().receive({&byte, 1}) == 1;
                               }});
    debug::add_guest_stop_command(monitor_, *debugger_);
    debug::add_history_commands(monitor_, *debugger_, symbol);
    breakpoints_ = std::make_unique<debug::MonitorBreakpoints>(*debugger_, symbol);
    debug::add_break_commands(monitor_, *debugger_, *breakpoints_);
    snapshots_ = std::make_unique<debug::Snapshots>(*debugger_);
    debug::add_snapshot_commands(monitor_, *debugger_, *snapshots_);
    debug::add_exit_commands(monitor_, *exits_);
    debug::add_counters_command(monitor_, *exits_);
    debug::add_catch_commands(monitor_, *debugger_, *catches_);
    linux_ = std::make_unique<debug::LinuxGuest>(*debugger_);
    task_switch_ = std::make_unique<debug::TaskSwitchStop>(*debugger_, *linux_);
    debug::add_linux_commands(monitor_, *debugger_, *linux_);
    debug::add_linux_machine_commands(monitor_, *debugger_, *linux_, *task_switch_);
    debug::add_transition_commands(monitor_, *debugger_, *catches_, exits_->names());
    debug::add_gdb_script_command(monitor_);
    add_gdbserver_command(monitor_, *debugger_, gdb_);
}

void VirtualMachine::add_documents(const debug::SymbolOf& symbol) {
    documents_ = std::make_unique<debug::DocumentStore>(debugger_->guest().registers().target_description());
    debug::add_debugger_documents(*documents_, *debugger_);
    debug::add_history_document(*documents_, *debugger_, symbol);
    debug::add_snapshot_document(*documents_, *snapshots_);
    debug::add_linux_document(*documents_, *linux_);
    debug::add_exit_documents(*documents_, *exits_);
}

}  // namespace ringside::cli
