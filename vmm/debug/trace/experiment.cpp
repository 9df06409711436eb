#include "vmm/debug/trace/experiment.h"

#include <algorithm>

#include <fmt/format.h>

#include "gdbstub/agent_expression.h"

namespace ringside::debug {

namespace {

using Code = gdbstub::TargetError::Code;
using gdbstub::failure;
using gdbstub::TracepointId;

gdbstub::Result<void> check_code(const std::vector<std::byte>& code) {
    if (const auto sound = gdbstub::verify_agent_expression(code); !sound)
        return failure(Code::Invalid,
                       fmt::format("an expression cannot be evaluated: {}", to_string(sound.error())));
    return {};
}

}  // namespace

// ---- Definitions

void Experiment::clear() {
    tracepoints_.clear();
    make_builtin_variables();
    buffer_.reset(buffer_.capacity(), circular_);
    defined_ = 0;
    running_ = false;
    end_ = gdbstub::TraceEnd::NotRun;
    started_ = stopped_ = 0;
    notes_ = {};
}

void Experiment::make_builtin_variables() {
    variables_.clear();
    for (const std::string_view name : {kTimestamp, kVcpu}) {
        const auto number = static_cast<std::uint32_t>(variables_.size() + 1);
        variables_.push_back({{number, 0, true, std::string(name)}, 0});
    }
}

gdbstub::Result<void> Experiment::check_stopped() const {
    if (running_)
        return failure(Code::Invalid, "the trace experiment runs: `tstop` ends it");
    return {};
}

gdbstub::Result<void> Experiment::spend(std::size_t bytes) {
    if (bytes > kMostDefined - defined_)
        return failure(Code::NoSpace, fmt::format("tracepoints are defined with more than {} MiB in all",
                                                  kMostDefined >> 20));
    defined_ += bytes;
    return {};
}

const Experiment::Tracepoint* Experiment::find(TracepointId id) const {
    const auto it = std::ranges::find(tracepoints_, id, [](const auto& t) { return t.head.id; });
    return it == tracepoints_.end() ? nullptr : &*it;
}

Experiment::Tracepoint* Experiment::find(TracepointId id) {
    return const_cast<Tracepoint*>(std::as_const(*this).find(id));
}

Experiment::Tracepoint* Experiment::by_serial(std::size_t serial) {
    const auto it = std::ranges::find(tracepoints_, serial, &Tracepoint::serial);
    return it == tracepoints_.end() ? nullptr : &*it;
}

gdbstub::Result<Experiment::Tracepoint*> Experiment::open_definition(TracepointId id) {
    Tracepoint* tracepoint = find(id);
    if (tracepoint == nullptr)
        return failure(Code::Invalid,
                       fmt::format("there is no tracepoint {} at {:#x}", id.number, id.address));
    return tracepoint;
}

gdbstub::Result<void> Experiment::define(const gdbstub::TracepointHead& head, bool complete) {
    if (find(head.id) != nullptr)
        return failure(Code::Invalid, fmt::format("tracepoint {} at {:#x} is defined already", head.id.number,
                                                  head.id.address));
    if (head.id.number > UINT16_MAX)  // a frame's number has two bytes
        return failure(Code::Invalid, fmt::format("the largest number of a tracepoint is {}", UINT16_MAX));
    if (tracepoints_.size() == kMostTracepoints)
        return failure(Code::NoSpace, fmt::format("there may be {} tracepoints at most", kMostTracepoints));
    if (!head.condition.empty())
        STUB_TRY(check_code(head.condition));
    STUB_TRY(spend(sizeof(Tracepoint) + head.condition.size()));
    Tracepoint tracepoint;
    tracepoint.head = head;
    tracepoint.serial = next_serial_++;
    tracepoint.complete = complete;
    tracepoints_.push_back(std::move(tracepoint));
    return {};
}

gdbstub::Result<void> Experiment::add(gdbstub::TracepointActions actions, bool complete) {
    Tracepoint* tracepoint = STUB_TRY(open_definition(actions.id));
    if (tracepoint->complete)
        return failure(Code::Invalid, fmt::format("tracepoint {} has all of its actions", actions.id.number));
    for (const gdbstub::TraceAction& action : actions.actions)
        if (const auto* expression = std::get_if<gdbstub::CollectExpression>(&action))
            STUB_TRY(check_code(expression->code));
    STUB_TRY(
        spend(sizeof actions + actions.text.size() + actions.actions.size() * sizeof(gdbstub::TraceAction)));
    tracepoint->actions.push_back(std::move(actions));
    tracepoint->complete = complete;
    return {};
}

gdbstub::Result<void> Experiment::add(gdbstub::TracepointSource source) {
    Tracepoint* tracepoint = STUB_TRY(open_definition(source.id));
    STUB_TRY(spend(sizeof source + source.type.size() + source.hex.size()));
    tracepoint->sources.push_back(std::move(source));
    // gdb announces actions and sends none where they collect nothing, as `collect main` does.
    if (running_ && tracepoint->actions.empty())
        tracepoint->complete = true;
    return {};
}

gdbstub::Result<void> Experiment::define(gdbstub::TraceVariable variable) {
    STUB_TRY(check_stopped());
    // A client that knows the built-in ones sends them back; any other may use their numbers.
    Variable* const known = this->variable(variable.number);
    if (known != nullptr && known->builtin && variable.builtin && known->name == variable.name)
        return {};
    variable.builtin = false;
    if (known != nullptr) {
        *known = {std::move(variable), 0};
        return {};
    }
    if (variables_.size() >= kMostVariables)
        return failure(Code::NoSpace,
                       fmt::format("there may be {} trace state variables at most", kMostVariables));
    STUB_TRY(spend(sizeof(Variable) + variable.name.size()));
    variables_.push_back({std::move(variable), 0});
    return {};
}

gdbstub::Result<void> Experiment::enable(TracepointId id, bool on) {
    Tracepoint* tracepoint = find(id);
    if (tracepoint == nullptr)
        return failure(Code::Invalid,
                       fmt::format("there is no tracepoint {} at {:#x}", id.number, id.address));
    tracepoint->head.enabled = on;
    return {};
}

void Experiment::remove(TracepointId id) {
    std::erase_if(tracepoints_, [id](const Tracepoint& tracepoint) { return tracepoint.head.id == id; });
}

gdbstub::Result<void> Experiment::set_buffer_size(std::optional<std::uint64_t> size) {
    STUB_TRY(check_stopped());
    if (size.value_or(kDefaultSize) > kMostSize || size == 0)
        return failure(Code::NoSpace,
                       fmt::format("the trace buffer may have 1 byte to {} MiB", kMostSize >> 20));
    size_ = size.value_or(kDefaultSize);
    return {};
}

gdbstub::Result<void> Experiment::set_circular(bool on) {
    STUB_TRY(check_stopped());
    circular_ = on;
    return {};
}

void Experiment::set_notes(const gdbstub::TraceNotes& notes) {
    for (const auto field :
         {&gdbstub::TraceNotes::user, &gdbstub::TraceNotes::notes, &gdbstub::TraceNotes::stop})
        if (!(notes.*field).empty())
            notes_.*field = notes.*field;
}

// ---- How it goes

gdbstub::Result<void> Experiment::start(std::uint64_t now) {
    STUB_TRY(check_stopped());
    for (Tracepoint& tracepoint : tracepoints_) {
        if (!tracepoint.complete && !tracepoint.actions.empty())
            return failure(Code::Invalid, fmt::format("the actions of tracepoint {} are not complete",
                                                      tracepoint.head.id.number));
        tracepoint.complete = true;  // none of the actions that were announced
        tracepoint.use = {};
    }
    for (Variable& variable : variables_)
        variable.now = variable.value;
    buffer_.reset(static_cast<std::size_t>(size_), circular_);
    running_ = true;
    end_ = gdbstub::TraceEnd::NotRun;
    error_.clear();
    notes_.stop.clear();
    started_ = now;
    stopped_ = 0;
    return {};
}

void Experiment::stop(gdbstub::TraceEnd why, std::uint64_t now, std::uint32_t tracepoint,
                      std::string_view error) {
    if (!running_)
        return;
    running_ = false;
    end_ = why;
    ended_by_ = tracepoint;
    error_ = error;
    stopped_ = now;
}

gdbstub::TraceStatus Experiment::status() const {
    gdbstub::TraceStatus status;
    status.running = running_;
    status.end = end_;
    status.tracepoint = ended_by_;
    status.error = error_;
    status.frames = buffer_.frames();
    status.created = buffer_.created();
    status.size = size_;
    status.free = size_ - std::min(buffer_.used(), size_);
    status.circular = circular_;
    status.disconnected = disconnected_;
    status.started = started_;
    status.stopped = stopped_;
    status.notes = notes_;
    return status;
}

std::vector<std::uint64_t> Experiment::places() const {
    std::vector<std::uint64_t> addresses;
    if (!running_)
        return addresses;
    for (const Tracepoint& tracepoint : tracepoints_)
        if (tracepoint.complete && tracepoint.head.enabled)
            addresses.push_back(tracepoint.head.id.address);
    return addresses;
}

Experiment::Variable* Experiment::variable(std::uint32_t number) {
    const auto it = std::ranges::find(variables_, number, &Variable::number);
    return it == variables_.end() ? nullptr : &*it;
}

// ---- Frames

std::optional<std::uint64_t> Experiment::only_address(std::uint32_t number) const {
    std::optional<std::uint64_t> address;
    for (const Tracepoint& tracepoint : tracepoints_) {
        if (tracepoint.head.id.number != number)
            continue;
        if (address)
            return std::nullopt;
        address = tracepoint.head.id.address;
    }
    return address;
}

std::optional<FrameBuffer::Frame> Experiment::frame(std::uint32_t number) const {
    if (number >= buffer_.frames())
        return std::nullopt;
    auto frame = buffer_.first();
    for (std::uint32_t i = 0; i < number && frame; ++i)
        frame = buffer_.next(*frame);
    return frame;
}

}  // namespace ringside::debug
