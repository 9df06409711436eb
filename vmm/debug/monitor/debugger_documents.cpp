#include "vmm/debug/monitor/debugger_documents.h"

#include <fmt/format.h>

#include "vmm/debug/host/host_table.h"
#include "vmm/debug/run_control/thread_ids.h"

namespace ringside::debug {

namespace {

using Rows = std::vector<std::vector<std::string>>;

Rows vcpu_rows(Debugger& debugger) {
    Rows rows;
    gdbstub::Threads& threads = debugger.target().threads;
    for (const gdbstub::ThreadId thread : threads.threads()) {
        const VcpuIndex vcpu = vcpu_of(thread);
        const auto info = threads.thread_info(thread);
        std::string rip;
        if (const auto* token = debugger.stop_token()) {
            x86::ClassSet general;
            general.add(x86::RegisterClass::General);
            if (const auto state = debugger.state(vcpu).load(*token, general))
                rip = fmt::format("0x{:x}", (*state)->general.rip);
        }
        rows.push_back({fmt::to_string(vcpu.value), info ? info->extra : info.error().message, rip});
    }
    return rows;
}

Rows breakpoint_rows(Debugger& debugger) {
    constexpr const char* kKinds[] = {"software", "hardware", "write watch", "read watch", "access watch"};
    Rows rows;
    for (const Breakpoint* b : debugger.guest().table().list())
        rows.push_back({fmt::format("0x{:x}", b->request.address),
                        kKinds[static_cast<unsigned>(b->request.kind)], mechanism_name(*b),
                        fmt::to_string(b->hits.load())});
    return rows;
}

Rows host_rows_of(Debugger& debugger) {
    Rows rows;
    const auto abilities = debugger.guest().abilities();
    if (!abilities)
        return {{abilities.error().message(), "", ""}};
    for (const HostRow& row : host_rows(*abilities))
        rows.push_back({row.what, row.result, row.consequence});
    return rows;
}

}  // namespace

void add_debugger_documents(DocumentStore& documents, Debugger& debugger) {
    documents.add({"vcpus",
                   "vCPUs",
                   "every vCPU's run state, CPU mode and instruction pointer",
                   {"vcpu", "state", "rip"},
                   [&debugger] { return vcpu_rows(debugger); }});
    documents.add({"breakpoints",
                   "Breakpoints",
                   "what is inserted now, by which mechanism, and its hits",
                   {"address", "kind", "by", "hits"},
                   [&debugger] { return breakpoint_rows(debugger); }});
    documents.add({"host",
                   "Host",
                   "what this host's KVM can do for the debugger, measured",
                   {"ability", "result", "instead"},
                   [&debugger] { return host_rows_of(debugger); }});
}

}  // namespace ringside::debug
