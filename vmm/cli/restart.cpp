// The machine starts anew: with the kernel's file as it is now, a new VM, and every device as at power-on.

#include <spdlog/spdlog.h>

#include "vmm/boot/linux/command_line.h"
#include "vmm/cli/virtual_machine.h"

namespace ringside::cli {

// The symbols that a client has moved stay right: where the kernel was moved to by chance, it is moved there again.
Result<void> VirtualMachine::prepare_restart(const std::optional<std::string>& command_line) {
    const bool may_move =
        !boot::linux_boot::has_parameter(command_line.value_or(options_.command_line), "nokaslr");
    const auto slide = kaslr_slide_ != 0 && may_move ? std::optional(kaslr_slide_) : std::nullopt;
    auto kernel = TRY(load_kernel(options_, command_line, slide));
    if (kernel.architecture != architecture_)
        return failure("restart with " + options_.kernel,
                       "the file is for another mode of the processor than the one before, and a debugger "
                       "cannot change its registers any more",
                       "Start Ringside anew, or give --gdb-arch");
    boot_report_.loaded(options_.kernel, kernel.state);
    auto hardware = TRY(make_hardware(std::move(kernel.memory), kernel.state));
    next_.emplace(Next{std::move(hardware), std::move(kernel.state)});
    return {};
}

void VirtualMachine::restart(const machine::StopToken& token) {
    machine_->restart(token, std::move(next_->hardware));
    virtio_->power_on();
    pc_->after_restart(std::move(next_->state.fw_cfg));
    catches_->after_restart();
    exits_->names().forget_symbols();
    note_kernel(next_->state);
    next_.reset();
    panicked_ = panic_unattended_ = dump_at_stop_ = false;
    spdlog::info("the machine starts anew");
}

void VirtualMachine::on_restart_failed(const std::string& why) {
    restart_failed_ = true;
    fmt::print(stderr, "ringside: {}", why);
}

}  // namespace ringside::cli
