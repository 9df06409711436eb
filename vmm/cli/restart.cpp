// The machine restarts: with the current kernel file, a new VM, and every device as at power-on.

#include <algorithm>
#include <filesystem>

#include <spdlog/spdlog.h>

#include "vmm/boot/linux/command_line.h"
#include "vmm/cli/virtual_machine.h"

namespace ringside::cli {

namespace {

// The client's words as one command line. gdb has taken quotes off, which Linux wants around what has blanks.
Result<std::string> join(const std::vector<std::string>& arguments) {
    std::string line;
    for (const std::string& argument : arguments) {
        if (std::ranges::any_of(argument, [](unsigned char c) { return c < ' '; }))
            return failure("restart", "the kernel's command line contains control characters");
        line += line.empty() ? "" : " ";
        line += argument.find(' ') == std::string::npos ? argument : '"' + argument + '"';
    }
    return line;
}

// A client names the program by a path on its own machine or on this one, or not at all.
Result<void> check_file(const std::string& wanted, const std::string& kernel) {
    std::error_code unknown;
    if (wanted.empty() || std::filesystem::equivalent(wanted, kernel, unknown))
        return {};
    return failure("restart with " + wanted, "this machine boots " + kernel,
                   "Type `set remote exec-file` without a file, or start Ringside with the other kernel");
}

}  // namespace

// The symbols that a client has moved stay right: where the kernel was moved to by chance, it is moved there again.
Result<void> VirtualMachine::prepare_restart(const std::optional<gdbstub::Restart::Wanted>& wanted) {
    std::string command_line = wanted ? options_.command_line : command_line_;
    if (wanted) {
        TRY(check_file(wanted->file, options_.kernel));
        if (!wanted->arguments.empty())
            command_line = TRY(join(wanted->arguments));
    }
    const bool may_move = !boot::linux_boot::has_parameter(command_line, "nokaslr");
    const auto slide = kaslr_slide_ != 0 && may_move ? std::optional(kaslr_slide_) : std::nullopt;
    auto kernel = TRY(load_kernel(options_, command_line, slide));
    if (kernel.architecture != architecture_)
        return failure("restart with " + options_.kernel,
                       "the file starts in another processor mode than before, and an attached debugger "
                       "cannot change its set of registers",
                       "End this Ringside, start it with the new file and connect to it. Or start it with "
                       "--gdb-arch: then all kernels have the same registers");
    boot_report_.loaded(options_.kernel, kernel.state);
    auto hardware = TRY(make_hardware(std::move(kernel.memory), kernel.state));
    if (kernel.memory_file)
        TRY(kernel.memory_file->put_in_place());
    next_.emplace(
        Next{std::move(hardware), std::move(kernel.state), std::move(command_line), std::move(kernel.files)});
    return {};
}

void VirtualMachine::restart(const machine::StopToken& token) {
    machine_->restart(token, std::move(next_->hardware));
    virtio_->power_on();
    pc_->after_restart(std::move(next_->state.fw_cfg));
    catches_->after_restart();
    forget_task_switch("the machine was restarted");
    controls_.forget();
    control_history_.forget();
    exits_->names().forget_symbols();
    note_kernel(next_->state);
    command_line_ = next_->command_line;
    files_ = std::move(next_->files);
    next_.reset();
    panicked_ = panic_unattended_ = dump_at_stop_ = false;
    spdlog::info("the machine restarts");
}

void VirtualMachine::on_restart_failed(const std::string& why) {
    fmt::print(stderr, "ringside: {}", why);
}

}  // namespace ringside::cli
