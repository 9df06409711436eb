// The interrupt controllers' and timer's state in words.
#pragma once

#include "vmm/debug/guest/interrupt_state.h"
#include "vmm/debug/monitor/answer.h"

namespace ringside::debug {

Answer local_apic_answer(VcpuIndex vcpu, const x86::LocalApic& apic);
Answer io_apic_answer(const x86::IoApic& chip);
Answer pic_answer(const x86::PicPair& chips);
Answer pit_answer(const x86::Pit& chip);

}  // namespace ringside::debug
