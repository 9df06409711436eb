#include "vmm/debug/trace/tracing.h"

#include <algorithm>
#include <cstring>

#include "vmm/debug/trace/clock.h"

namespace ringside::debug {

using gdbstub::FrameSearch;
using gdbstub::TraceEnd;
using Lock = std::lock_guard<std::mutex>;

// ---- Where tracepoints are planted

gdbstub::Result<void> Tracing::place(gdbstub::ThreadId thread) {
    std::vector<std::uint64_t> places;
    {
        const Lock lock(mutex_);
        places = experiment_.places();
    }
    STUB_TRY(place_(thread, places));
    placed_ = !places.empty();
    return {};
}

// An error says that the guest runs: the next time that it is stopped makes up for it.
void Tracing::settle() {
    if (placed_ && !status().running)
        (void)place({});
}

void Tracing::client_left() {
    {
        const Lock lock(mutex_);
        if (!experiment_.disconnected())
            experiment_.stop(TraceEnd::Disconnected, microseconds_now());
    }
    settle();
}

// ---- vCPU threads

void Tracing::on_hit(std::uint64_t address, const TracedState& state, std::vector<TracedSteps>& steps) {
    const Lock lock(mutex_);
    if (experiment_.running())
        collector_.on_hit(address, state, number_, steps);
}

void Tracing::on_step(const TracedState& state, std::vector<TracedSteps>& steps) {
    const Lock lock(mutex_);
    collector_.on_step(state, number_, steps);
}

std::optional<std::uint64_t> Tracing::variable_of(VcpuIndex vcpu, std::uint32_t number) {
    const Lock lock(mutex_);
    return value_of(experiment_, vcpu, number);
}

// ---- Definitions

void Tracing::clear() {
    {
        const Lock lock(mutex_);
        experiment_.clear();
        ++number_;
    }
    settle();
}

template <typename Change>
gdbstub::Result<void> Tracing::install(gdbstub::TracepointId id, gdbstub::ThreadId thread, Change change) {
    {
        const Lock lock(mutex_);
        const std::size_t before = experiment_.places().size();
        STUB_TRY(change());
        if (experiment_.places().size() == before)
            return {};
    }
    auto placed = place(thread);
    if (!placed) {
        const Lock lock(mutex_);
        experiment_.remove(id);
    }
    return placed;
}

gdbstub::Result<void> Tracing::define(const gdbstub::TracepointHead& head, bool complete,
                                      gdbstub::ThreadId thread) {
    return install(head.id, thread, [&] { return experiment_.define(head, complete); });
}

gdbstub::Result<void> Tracing::add(gdbstub::TracepointActions actions, bool complete,
                                   gdbstub::ThreadId thread) {
    const gdbstub::TracepointId id = actions.id;
    return install(id, thread, [&] { return experiment_.add(std::move(actions), complete); });
}

gdbstub::Result<void> Tracing::add(gdbstub::TracepointSource source, gdbstub::ThreadId thread) {
    const gdbstub::TracepointId id = source.id;
    return install(id, thread, [&] { return experiment_.add(std::move(source)); });
}

gdbstub::Result<void> Tracing::define(gdbstub::TraceVariable variable) {
    const Lock lock(mutex_);
    return experiment_.define(std::move(variable));
}

gdbstub::Result<void> Tracing::enable(gdbstub::TracepointId id, bool on, gdbstub::ThreadId thread) {
    {
        const Lock lock(mutex_);
        STUB_TRY(experiment_.enable(id, on));
        if (!experiment_.running())
            return {};
    }
    return place(thread);
}

gdbstub::Result<void> Tracing::set_buffer_size(std::optional<std::uint64_t> size) {
    const Lock lock(mutex_);
    return experiment_.set_buffer_size(size);
}

gdbstub::Result<void> Tracing::set_circular(bool on) {
    const Lock lock(mutex_);
    return experiment_.set_circular(on);
}

void Tracing::set_disconnected(bool on) {
    const Lock lock(mutex_);
    experiment_.set_disconnected(on);
}

void Tracing::set_notes(const gdbstub::TraceNotes& notes) {
    const Lock lock(mutex_);
    experiment_.set_notes(notes);
}

// ---- How it goes

gdbstub::Result<void> Tracing::start(gdbstub::ThreadId thread) {
    {
        const Lock lock(mutex_);
        STUB_TRY(experiment_.start(microseconds_now()));
        ++number_;
    }
    auto placed = place(thread);
    if (!placed) {
        const Lock lock(mutex_);
        experiment_.stop(TraceEnd::NotRun, microseconds_now());
    }
    return placed;
}

void Tracing::stop(gdbstub::ThreadId) {
    {
        const Lock lock(mutex_);
        experiment_.stop(TraceEnd::Stopped, microseconds_now());
    }
    settle();
}

gdbstub::TraceStatus Tracing::status() const {
    const Lock lock(mutex_);
    return experiment_.status();
}

std::optional<gdbstub::TracepointUse> Tracing::use(gdbstub::TracepointId id) const {
    const Lock lock(mutex_);
    const auto* tracepoint = experiment_.find(id);
    return tracepoint != nullptr ? std::optional(tracepoint->use) : std::nullopt;
}

std::optional<std::uint64_t> Tracing::variable(std::uint32_t number) const {
    const Lock lock(mutex_);
    for (const auto& variable : experiment_.variables())
        if (variable.number == number && !variable.builtin)
            return variable.now;
    return std::nullopt;
}

std::vector<gdbstub::DefinedTracepoint> Tracing::tracepoints() const {
    const Lock lock(mutex_);
    return {experiment_.tracepoints().begin(), experiment_.tracepoints().end()};
}

std::vector<gdbstub::TraceVariable> Tracing::variables() const {
    const Lock lock(mutex_);
    return {experiment_.variables().begin(), experiment_.variables().end()};
}

// ---- Frames

std::optional<gdbstub::Address> Tracing::pc_of(const FrameBuffer::Frame& frame) const {
    const auto block = FrameReader(experiment_.buffer(), frame, file_.g_size()).registers();
    const auto* pc = file_.find(file_.pc());
    if (!block || pc == nullptr)
        return experiment_.only_address(frame.tracepoint);
    std::uint64_t address = 0;
    std::memcpy(&address, block->data() + pc->offset, std::min(pc->bytes(), sizeof address));
    return address;
}

bool Tracing::fits(const FrameSearch& search, const gdbstub::FoundFrame& found,
                   const FrameBuffer::Frame& frame) const {
    if (search.by == FrameSearch::By::Number)
        return found.number == search.first;
    if (search.by == FrameSearch::By::Tracepoint)
        return found.tracepoint == search.first;
    const auto pc = pc_of(frame);
    if (!pc)
        return false;
    const bool inside = search.first <= *pc && *pc <= search.last;
    switch (search.by) {
        case FrameSearch::By::Pc:
            return *pc == search.first;
        case FrameSearch::By::Inside:
            return inside;
        default:
            return !inside;
    }
}

std::optional<gdbstub::FoundFrame> Tracing::find(const FrameSearch& search,
                                                 std::optional<std::uint32_t> after) const {
    const Lock lock(mutex_);
    const bool anywhere = search.by == FrameSearch::By::Number;
    std::uint32_t number = 0;
    for (auto frame = experiment_.buffer().first(); frame;
         frame = experiment_.buffer().next(*frame), ++number) {
        const gdbstub::FoundFrame found{number, frame->tracepoint};
        if ((anywhere || !after || number > *after) && fits(search, found, *frame))
            return found;
    }
    return std::nullopt;
}

std::optional<FrameReader> Tracing::reader(std::uint32_t number) const {
    const auto frame = experiment_.frame(number);
    return frame ? std::optional(FrameReader(experiment_.buffer(), *frame, file_.g_size())) : std::nullopt;
}

std::optional<std::vector<std::byte>> Tracing::frame_registers(std::uint32_t frame) const {
    const Lock lock(mutex_);
    const auto found = reader(frame);
    return found ? found->registers() : std::nullopt;
}

std::optional<gdbstub::Address> Tracing::frame_pc(std::uint32_t number) const {
    const Lock lock(mutex_);
    const auto frame = experiment_.frame(number);
    return frame ? pc_of(*frame) : std::nullopt;
}

std::size_t Tracing::frame_memory(std::uint32_t frame, gdbstub::Address address,
                                  std::span<std::byte> out) const {
    const Lock lock(mutex_);
    const auto found = reader(frame);
    return found ? found->memory(address, out) : 0;
}

std::optional<std::uint64_t> Tracing::frame_variable(std::uint32_t frame, std::uint32_t number) const {
    const Lock lock(mutex_);
    const auto found = reader(frame);
    return found ? found->variable(number) : std::nullopt;
}

gdbstub::FrameContents Tracing::frame_contents(std::uint32_t frame) const {
    const Lock lock(mutex_);
    const auto found = reader(frame);
    return found ? found->contents() : gdbstub::FrameContents{};
}

std::size_t Tracing::read_buffer(std::uint64_t offset, std::span<std::byte> out) const {
    const Lock lock(mutex_);
    return experiment_.buffer().read(offset, out);
}

}  // namespace ringside::debug
