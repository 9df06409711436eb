// One position of a history in words.
#pragma once

#include <optional>
#include <string>

#include "vmm/debug/guest/guest_view.h"
#include "vmm/debug/monitor/history_commands.h"
#include "vmm/history/history.h"

namespace ringside::debug {

struct RecordedStep {
    std::uint64_t step = 0;
    std::optional<VcpuIndex> vcpu;  // if there are several
    std::uint64_t rip = 0;
    std::string symbol;
    std::string instruction;  // the next one

    // "step 12: 0x100a2c <corrupt+0xc>  mov qword ptr [rax], rdx"; of several vCPUs, "step 12: vCPU 1 0x100a2c ..."
    std::string text() const;
};

// At the history's position.
RecordedStep recorded_step(const history::History& history, const GuestView& view, const SymbolOf& symbol);

}  // namespace ringside::debug
