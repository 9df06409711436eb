// vCPUs count from 0, gdb's threads from 1: the only place that converts.
#pragma once

#include "gdbstub/target.h"
#include "vmm/base/ids.h"

namespace ringside::debug {

constexpr gdbstub::ThreadId thread_of(VcpuIndex vcpu) {
    return {vcpu.value + 1};
}
constexpr VcpuIndex vcpu_of(gdbstub::ThreadId thread) {
    return {thread.value - 1};
}

}  // namespace ringside::debug
