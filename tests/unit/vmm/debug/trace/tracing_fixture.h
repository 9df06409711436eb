// Tracepoints over a scripted vCPU.
#pragma once

#include <cstring>

#include <gmock/gmock.h>

#include "tests/unit/vmm/debug/run_control/vcpu_debugger_fixture.h"
#include "vmm/debug/trace/tracing.h"

namespace ringside::debug {

using gdbstub::CollectExpression;
using gdbstub::CollectMemory;
using gdbstub::CollectRegisters;
using gdbstub::FrameSearch;
using gdbstub::TraceEnd;

class TracingTest : public VcpuDebuggerTest {
  protected:
    static constexpr gdbstub::ThreadId kThread{1};
    static constexpr std::uint32_t kVariable = 9;
    // The first address that no memory is at: the fixture's guest has 2 MiB without paging.
    static constexpr std::uint64_t kNowhere = 0x40000000;

    TracingTest() {
        context->tracer = &tracing;
        EXPECT_TRUE(tracing.define(gdbstub::TraceVariable{kVariable, 5, false, "x"}));
    }

    static std::vector<std::byte> bytecode(std::initializer_list<int> bytes) {
        std::vector<std::byte> result;
        for (const int each : bytes)
            result.push_back(static_cast<std::byte>(each));
        return result;
    }

    // A tracepoint whose actions are to follow.
    gdbstub::Result<void> announce(std::uint32_t number, std::uint64_t address) {
        gdbstub::TracepointHead head;
        head.id = {number, address};
        return tracing.define(head, false, kThread);
    }
    void define(std::uint32_t number, std::uint64_t address, std::vector<gdbstub::TraceAction> actions,
                std::uint64_t passes = 0, std::vector<std::byte> condition = {}) {
        gdbstub::TracepointHead head;
        head.id = {number, address};
        head.passes = passes;
        head.condition = std::move(condition);
        ASSERT_TRUE(tracing.define(head, false, kThread));
        ASSERT_TRUE(tracing.add({head.id, false, std::move(actions), {}}, true, kThread));
    }
    void define_stepping(std::uint32_t number, std::uint64_t address, std::uint64_t steps,
                         std::vector<gdbstub::TraceAction> actions, std::uint64_t passes = 0) {
        gdbstub::TracepointHead head;
        head.id = {number, address};
        head.steps = steps;
        head.passes = passes;
        ASSERT_TRUE(tracing.define(head, false, kThread));
        ASSERT_TRUE(tracing.add({head.id, true, std::move(actions), {}}, true, kThread));
    }
    void start() {
        ASSERT_TRUE(tracing.start(kThread));
        resume();
    }
    std::uint64_t frames() const { return tracing.status().frames; }
    std::uint64_t register_in(std::uint32_t frame, const char* name) const {
        const auto block = tracing.frame_registers(frame);
        const auto* info = registers.find(name);
        std::uint64_t value = 0;
        if (block)
            std::memcpy(&value, block->data() + info->offset, sizeof value);
        return value;
    }
    std::optional<std::uint32_t> find(FrameSearch::By by, std::uint64_t first, std::uint64_t last = 0,
                                      std::optional<std::uint32_t> after = std::nullopt) const {
        const auto found = tracing.find({by, first, last}, after);
        return found ? std::optional(found->number) : std::nullopt;
    }

    machine::CpuFeatures features;
    bool place_fails = false;
    Tracing tracing{
        registers, view, features,
        [this](gdbstub::ThreadId, const std::vector<std::uint64_t>& addresses) -> gdbstub::Result<void> {
            if (place_fails)
                return gdbstub::failure(gdbstub::TargetError::Code::Invalid, "the guest is running");
            table.trace(stopped.token(), view, guest.state.system, addresses);
            return {};
        }};
};

}  // namespace ringside::debug
