// The interrupt controllers' and timer's state in words.
#pragma once

#include <span>
#include <string_view>

#include "vmm/debug/guest/interrupt_state.h"
#include "vmm/debug/monitor/answer.h"

namespace ringside::debug {

Answer local_apic_answer(VcpuIndex vcpu, const x86::LocalApic& apic);
Answer io_apic_answer(const x86::IoApic& chip);
Answer pic_answer(const x86::PicPair& chips);
Answer pit_answer(const x86::Pit& chip);
// A line of the interrupt controllers, and the device that drives it.
struct WatchedLine {
    unsigned number = 0;
    std::string_view device;  // empty: none that is known
};
Answer lines_answer(const x86::PicPair& pics, const x86::IoApic& io_apic, std::span<const WatchedLine> lines);

}  // namespace ringside::debug
