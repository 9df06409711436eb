#include "vmm/debug/linux/task_switch.h"

#include <utility>

#include <fmt/format.h>

#include "gdbstub/agent_opcodes.h"
#include "vmm/debug/linux/kernel/tasks.h"
#include "vmm/debug/run_control/thread_ids.h"

namespace ringside::debug {

namespace {

constexpr const char* kSwitching = "linux task-switch";
constexpr auto kKind = gdbstub::BreakpointKind::Hardware;
// struct task_struct *__switch_to(struct task_struct *prev, struct task_struct *next)
constexpr std::string_view kFunction = "__switch_to";

// "$rsi == value" in agent expressions' bytecode.
std::vector<std::byte> second_argument_is(std::uint16_t rsi, std::uint64_t value) {
    std::vector<std::byte> code;
    const auto add = [&](std::uint64_t number, int bytes) {
        for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8)
            code.push_back(static_cast<std::byte>(number >> shift));
    };
    const auto operation = [&](gdbstub::AgentOp op) { add(static_cast<std::uint64_t>(op), 1); };
    operation(gdbstub::AgentOp::Reg);
    add(rsi, 2);
    operation(gdbstub::AgentOp::Const64);
    add(value, 8);
    operation(gdbstub::AgentOp::Equal);
    operation(gdbstub::AgentOp::End);
    return code;
}

std::string named(const Result<LinuxTask>& task) {
    return task ? fmt::format("PID {} ({})", task->pid, task->command) : "a task that cannot be read";
}

}  // namespace

Result<std::string> TaskSwitchStop::arm(VcpuIndex vcpu, std::optional<std::uint64_t> pid) {
    if (debugger_.stop_token() == nullptr)
        return failure(kSwitching, "the guest is running", "Stop it first");
    const LinuxKernel kernel = TRY(linux_.kernel(vcpu));
    gdbstub::BreakpointRequest request;
    request.kind = kKind;
    request.address = TRY(kernel.symbol(kFunction));
    std::string goal = "the next task switch";
    std::optional<std::uint64_t> wanted;
    if (pid) {
        const LinuxTask task = TRY(find_task(kernel, *pid));
        const x86::RegisterInfo* rsi = debugger_.guest().registers().find("rsi");
        if (rsi == nullptr)
            return failure(kSwitching, "the debugger has chosen an architecture without RSI");
        request.conditions.push_back(
            second_argument_is(static_cast<std::uint16_t>(rsi->regno), task.address));
        wanted = task.address;
        goal = fmt::format("the next switch to PID {} ({})", task.pid, task.command);
    }
    forget();
    if (const auto done = debugger_.target().breakpoints->insert(thread_of(vcpu), request); !done)
        return failure(kSwitching, done.error().message);
    address_ = request.address;
    task_ = wanted;
    return fmt::format("The guest will stop at {}. Let it run.\n", goal);
}

Result<std::string> TaskSwitchStop::disarm() {
    if (debugger_.stop_token() == nullptr)
        return failure(kSwitching, "the guest is running", "Stop it first");
    forget();
    return std::string("The guest does not stop at task switches.\n");
}

bool TaskSwitchStop::forget() {
    const auto address = std::exchange(address_, std::nullopt);
    if (address)
        debugger_.guest().table().remove(*debugger_.stop_token(), kKind, *address, 1);
    return address.has_value();
}

std::string TaskSwitchStop::words(VcpuIndex vcpu, const x86::GeneralRegisters& general) {
    const auto kernel = linux_.kernel(vcpu);
    if (!kernel)
        return fmt::format("Linux switches tasks on vCPU {}.\n", vcpu.value);
    return fmt::format("Linux switches from {} to {} on vCPU {}.\n", named(read_task(*kernel, general.rdi)),
                       named(read_task(*kernel, general.rsi)), vcpu.value);
}

void TaskSwitchStop::describe(gdbstub::StopEvent& stop) {
    if (!address_ || debugger_.stop_token() == nullptr ||
        !std::holds_alternative<gdbstub::StoppedByHardwareBreakpoint>(stop.reason))
        return;
    const VcpuIndex vcpu = vcpu_of(stop.thread);
    const auto now = debugger_.registers_now(vcpu);
    if (!now || now->general.rip != *address_ || (task_ && now->general.rsi != *task_))
        return;  // another breakpoint's, perhaps at the same place
    forget();
    stop.reason = gdbstub::StoppedBySignal{};
    stop.console += words(vcpu, now->general);
}

}  // namespace ringside::debug
