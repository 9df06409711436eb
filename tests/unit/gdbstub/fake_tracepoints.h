// Tracepoints made of lists: what a session has defined, and frames that a test has put there.
#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "gdbstub/tracepoints.h"

namespace ringside::gdbstub {

class FakeTracepoints final : public Tracepoints {
  public:
    struct Frame {
        std::uint32_t tracepoint = 1;
        std::optional<std::vector<std::byte>> registers;
        std::optional<Address> pc;
        std::map<Address, std::string> memory;
        std::map<std::uint32_t, std::uint64_t> variables;
    };

    std::vector<std::string> log;
    std::optional<TargetError> error;  // what every call that may fail answers
    std::vector<DefinedTracepoint> defined;
    std::vector<TraceVariable> known_variables;
    std::vector<Frame> frames;
    std::string buffer;
    TraceStatus now;
    std::optional<std::uint64_t> size;

    void clear() override {
        log.emplace_back("clear");
        defined.clear();
    }
    Result<void> define(const TracepointHead& head, bool complete, ThreadId) override {
        log.emplace_back(complete ? "define" : "define...");
        defined.push_back({head, {}, {}});
        return outcome();
    }
    Result<void> add(TracepointActions actions, bool complete, ThreadId) override {
        log.emplace_back(complete ? "add" : "add...");
        if (!defined.empty())
            defined.back().actions.push_back(std::move(actions));
        return outcome();
    }
    Result<void> add(TracepointSource source, ThreadId) override {
        if (!defined.empty())
            defined.back().sources.push_back(std::move(source));
        return outcome();
    }
    Result<void> define(TraceVariable variable) override {
        known_variables.push_back(std::move(variable));
        return outcome();
    }
    Result<void> enable(TracepointId id, bool on, ThreadId) override {
        log.push_back((on ? "enable " : "disable ") + std::to_string(id.number));
        return outcome();
    }
    Result<void> set_buffer_size(std::optional<std::uint64_t> wanted) override {
        size = wanted;
        return outcome();
    }
    Result<void> set_circular(bool on) override {
        now.circular = on;
        return outcome();
    }
    void set_disconnected(bool on) override { now.disconnected = on; }
    void set_notes(const TraceNotes& notes) override { now.notes = notes; }
    Result<void> start(ThreadId thread) override {
        log.push_back("start " + std::to_string(thread.value));
        return outcome();
    }
    void stop(ThreadId) override { log.emplace_back("stop"); }
    TraceStatus status() const override { return now; }
    std::optional<TracepointUse> use(TracepointId id) const override {
        return id.number == 1 ? std::optional(TracepointUse{3, 0x40}) : std::nullopt;
    }
    std::optional<std::uint64_t> variable(std::uint32_t number) const override {
        return number == 1 ? std::optional<std::uint64_t>(0x2a) : std::nullopt;
    }
    std::vector<DefinedTracepoint> tracepoints() const override { return defined; }
    std::vector<TraceVariable> variables() const override { return known_variables; }
    std::optional<FoundFrame> find(const FrameSearch& search,
                                   std::optional<std::uint32_t> after) const override {
        for (std::uint32_t i = search.by == FrameSearch::By::Number || !after ? 0 : *after + 1;
             i < frames.size(); ++i)
            if (fits(search, i))
                return FoundFrame{i, frames[i].tracepoint};
        return std::nullopt;
    }
    std::optional<std::vector<std::byte>> frame_registers(std::uint32_t frame) const override {
        return frames.at(frame).registers;
    }
    std::optional<Address> frame_pc(std::uint32_t frame) const override { return frames.at(frame).pc; }
    std::size_t frame_memory(std::uint32_t frame, Address address, std::span<std::byte> out) const override {
        const auto& memory = frames.at(frame).memory;
        const auto it = memory.find(address);
        if (it == memory.end())
            return 0;
        const std::size_t count = std::min(out.size(), it->second.size());
        std::ranges::copy(std::as_bytes(std::span(it->second)).first(count), out.begin());
        return count;
    }
    std::optional<std::uint64_t> frame_variable(std::uint32_t frame, std::uint32_t number) const override {
        const auto& variables = frames.at(frame).variables;
        const auto it = variables.find(number);
        return it == variables.end() ? std::nullopt : std::optional(it->second);
    }
    FrameContents frame_contents(std::uint32_t frame) const override {
        FrameContents contents;
        for (const auto& [address, bytes] : frames.at(frame).memory)
            contents.memory.emplace_back(address, bytes.size());
        for (const auto& [number, value] : frames.at(frame).variables)
            contents.variables.push_back(number);
        return contents;
    }
    std::size_t read_buffer(std::uint64_t offset, std::span<std::byte> out) const override {
        if (offset >= buffer.size())
            return 0;
        const auto rest = std::as_bytes(std::span(buffer)).subspan(static_cast<std::size_t>(offset));
        const std::size_t count = std::min(out.size(), rest.size());
        std::ranges::copy(rest.first(count), out.begin());
        return count;
    }

  private:
    Result<void> outcome() const { return error ? Result<void>(tl::unexpected(*error)) : Result<void>(); }
    bool fits(const FrameSearch& search, std::uint32_t number) const {
        const Frame& frame = frames[number];
        switch (search.by) {
            case FrameSearch::By::Number:
                return number == search.first;
            case FrameSearch::By::Tracepoint:
                return frame.tracepoint == search.first;
            case FrameSearch::By::Pc:
                return frame.pc == search.first;
            case FrameSearch::By::Inside:
                return frame.pc && search.first <= *frame.pc && *frame.pc <= search.last;
            case FrameSearch::By::Outside:
                return frame.pc && (*frame.pc < search.first || search.last < *frame.pc);
        }
        return false;
    }
};

}  // namespace ringside::gdbstub
