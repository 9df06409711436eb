#include "vmm/debug/trace/collector.h"

#include <algorithm>

#include <fmt/format.h>

#include "vmm/debug/guest/vcpu_state.h"
#include "vmm/debug/trace/clock.h"
#include "vmm/debug/trace/frame_blocks.h"

namespace ringside::debug {

std::optional<std::uint64_t> value_of(Experiment& experiment, VcpuIndex vcpu, std::uint32_t number) {
    const auto* variable = experiment.variable(number);
    if (variable == nullptr)
        return std::nullopt;
    if (!variable->builtin)
        return variable->now;
    return variable->name == Experiment::kVcpu ? vcpu.value : microseconds_now();
}

namespace {

constexpr std::uint64_t kPage = 0x1000;

}  // namespace

// ---- What expressions see

void TraceScope::look_at(const TracedState& state) {
    ConditionScope::look_at(state.general, state.system);
    vcpu_ = state.vcpu.index();
    collecting_ = full_ = false;
}

// More than the buffer holds need not be read: it will not fit.
bool TraceScope::trace_memory(std::uint64_t address, std::uint64_t size) {
    if (!collecting_)
        return false;
    FrameBuffer& buffer = experiment_.buffer();
    for (std::uint64_t left = std::min<std::uint64_t>(size, buffer.capacity()); left != 0;) {
        const auto wanted =
            std::span(chunk_).first(static_cast<std::size_t>(std::min<std::uint64_t>(left, kChunk)));
        const std::size_t count = read_some(address, wanted);
        if (count != 0 && !add_memory(buffer, address, wanted.first(count))) {
            full_ = true;
            return false;
        }
        // Behind what can be read the next page may be there.
        const std::uint64_t done = count != 0 ? count : std::min(kPage - address % kPage, left);
        address += done;
        left -= done;
    }
    return true;
}

bool TraceScope::trace_variable(std::uint16_t number) {
    const auto value = get_variable(number);
    if (!collecting_ || !value)
        return false;
    full_ = !add_variable(experiment_.buffer(), number, *value);
    return !full_;
}

std::optional<std::uint64_t> TraceScope::get_variable(std::uint16_t number) {
    return value_of(experiment_, vcpu_, number);
}

bool TraceScope::set_variable(std::uint16_t number, std::uint64_t value) {
    auto* variable = experiment_.variable(number);
    if (variable == nullptr || variable->builtin)
        return false;
    variable->now = value;
    return true;
}

// ---- Collecting

void Collector::on_hit(std::uint64_t address, const TracedState& state, std::uint64_t experiment,
                       std::vector<TracedSteps>& steps) {
    for (Tracepoint& tracepoint : experiment_.tracepoints()) {
        if (!experiment_.running())
            return;
        if (tracepoint.head.id.address != address || !tracepoint.head.enabled || !tracepoint.complete)
            continue;
        scope_.look_at(state);
        if (!holds(tracepoint))
            continue;
        ++tracepoint.use.hits;
        if (!collect(tracepoint, false, state))
            return;
        if (tracepoint.head.steps != 0)
            steps.push_back({experiment, tracepoint.serial, tracepoint.head.steps});
        else
            count_pass(tracepoint);
    }
}

void Collector::on_step(const TracedState& state, std::uint64_t experiment, std::vector<TracedSteps>& steps) {
    std::erase_if(steps, [&](const TracedSteps& s) { return s.experiment != experiment; });
    for (TracedSteps& s : steps) {
        Tracepoint* const tracepoint = experiment_.by_serial(s.tracepoint);
        if (tracepoint == nullptr) {
            s.left = 0;
            continue;
        }
        scope_.look_at(state);
        if (!experiment_.running() || !collect(*tracepoint, true, state))
            break;
        if (--s.left == 0)
            count_pass(*tracepoint);
    }
    const bool running = experiment_.running();
    std::erase_if(steps, [running](const TracedSteps& s) { return !running || s.left == 0; });
}

bool Collector::holds(const Tracepoint& tracepoint) {
    if (tracepoint.head.condition.empty())
        return true;
    const auto value = gdbstub::evaluate_agent_expression(tracepoint.head.condition, scope_);
    if (!value)
        return fail(tracepoint, fmt::format("the condition: {}", to_string(value.error())));
    return *value != 0;
}

void Collector::count_pass(const Tracepoint& tracepoint) {
    if (tracepoint.head.passes != 0 && tracepoint.use.hits >= tracepoint.head.passes)
        experiment_.stop(gdbstub::TraceEnd::PassCount, microseconds_now(), tracepoint.head.id.number);
}

bool Collector::fail(const Tracepoint& tracepoint, std::string_view why) {
    experiment_.stop(gdbstub::TraceEnd::Error, microseconds_now(), tracepoint.head.id.number, why);
    return false;
}

bool Collector::fill() {
    experiment_.buffer().abandon();
    experiment_.stop(gdbstub::TraceEnd::Full, microseconds_now());
    return false;
}

bool Collector::collect(Tracepoint& tracepoint, bool stepping, const TracedState& state) {
    FrameBuffer& buffer = experiment_.buffer();
    if (!buffer.open(static_cast<std::uint16_t>(tracepoint.head.id.number)))
        return fill();
    scope_.set_collecting(true);
    const bool done = act(tracepoint, stepping, state);
    scope_.set_collecting(false);
    if (buffer.has_open_frame())
        tracepoint.use.bytes += buffer.close();
    return done;
}

// The frame of a step always has the registers: nothing else says where the step has led.
bool Collector::act(const Tracepoint& tracepoint, bool stepping, const TracedState& state) {
    if (stepping && !collect_registers(tracepoint, state))
        return false;
    for (const gdbstub::TracepointActions& actions : tracepoint.actions) {
        if (actions.stepping != stepping)
            continue;
        for (const gdbstub::TraceAction& action : actions.actions)
            if (!(stepping && std::holds_alternative<gdbstub::CollectRegisters>(action)) &&
                !act(tracepoint, action, state))
                return false;
    }
    return true;
}

bool Collector::act(const Tracepoint& tracepoint, const gdbstub::TraceAction& action,
                    const TracedState& state) {
    if (std::holds_alternative<gdbstub::CollectRegisters>(action))
        return collect_registers(tracepoint, state);
    if (const auto* memory = std::get_if<gdbstub::CollectMemory>(&action))
        return collect_memory(tracepoint, *memory);
    const auto done = gdbstub::run_agent_command(std::get<gdbstub::CollectExpression>(action).code, scope_);
    if (!done)
        return scope_.full() ? fill() : fail(tracepoint, to_string(done.error()));
    return true;
}

bool Collector::collect_memory(const Tracepoint& tracepoint, const gdbstub::CollectMemory& memory) {
    std::uint64_t base = 0;
    if (memory.base) {
        const bool known = *memory.base <= UINT16_MAX;
        const auto value =
            known ? scope_.read_register(static_cast<std::uint16_t>(*memory.base)) : std::nullopt;
        if (!value)
            return fail(tracepoint, to_string(gdbstub::AgentFailure::BadRegister));
        base = *value;
    }
    return scope_.trace_memory(base + memory.offset, memory.size) || fill();
}

bool Collector::collect_registers(const Tracepoint& tracepoint, const TracedState& state) {
    const auto extended = read_extended(state.vcpu, features_);
    if (!extended)
        return fail(tracepoint, extended.error().message());
    state_.general = state.general;
    state_.system = state.system;
    state_.extended = *extended;
    block_.clear();
    file_.encode_all(state_, block_);
    return add_registers(experiment_.buffer(), block_) || fill();
}

}  // namespace ringside::debug
