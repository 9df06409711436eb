#include "vmm/debug/core/core_target.h"

#include <fmt/format.h>

#include "arch/x86_64/cpu_mode.h"
#include "vmm/base/text.h"
#include "vmm/debug/dump/vmcoreinfo.h"
#include "vmm/debug/run_control/thread_ids.h"
#include "vmm/debug/target/errors.h"
#include "vmm/debug/target/memory_access.h"
#include "vmm/debug/target/register_access.h"

namespace ringside::debug {

namespace {

using Code = gdbstub::TargetError::Code;

constexpr unsigned kMostPhysicalBits = 52;  // a vmcore does not say how many its CPUs had
constexpr const char* kNothingRuns = "This is a vmcore: nothing can run in it.\n";
constexpr const char* kNothingChanges = "this is a vmcore: nothing can be changed in it";

// Where KASLR has put the kernel's first byte, from VMCOREINFO.
std::optional<std::uint64_t> hexadecimal(const std::optional<Bytes>& note, std::string_view key) {
    const auto text = note ? vmcoreinfo_value(*note, key) : std::nullopt;
    if (!text)
        return std::nullopt;
    return parse_digits(*text, 16);
}

}  // namespace

CoreTarget::CoreTarget(CoreFile core, std::function<void()> on_kill,
                       std::function<void(const gdbstub::StopEvent&)> on_stop)
    : FileRegisters(file_),
      core_(std::move(core)),
      view_(core_.memory, nothing_planted_, kMostPhysicalBits),
      file_(core_.features),
      on_kill_(std::move(on_kill)),
      on_stop_(std::move(on_stop)),
      target_{.threads = *this, .registers = *this, .memory = *this, .execution = *this, .triple = "x86_64"} {
    const auto offset = hexadecimal(core_.vmcoreinfo, "KERNELOFFSET");
    if (offset.value_or(0) == 0)
        return;
    target_.first_segment = hexadecimal(core_.vmcoreinfo, "SYMBOL(_stext)");
    target_.load_offset = offset;
}

// ---- Inspected

Result<RegistersNow> CoreTarget::registers_now(VcpuIndex vcpu) {
    const x86::CpuState& state = core_.vcpus.at(vcpu.value).state;
    return RegistersNow{state.general, state.system};
}

Result<const x86::CpuState*> CoreTarget::all_registers(VcpuIndex vcpu) {
    const CoreVcpu& there = core_.vcpus.at(vcpu.value);
    if (there.registers.empty())
        return failure("read registers", "the file is QEMU's, and has only some of them",
                       "The debugger's own command (info registers) shows which");
    return &there.state;
}

// ---- gdbstub::Threads

gdbstub::Result<const CoreVcpu*> CoreTarget::vcpu(gdbstub::ThreadId thread) const {
    if (thread.value == 0 || thread.value > core_.vcpus.size())
        return refuse(Code::Invalid, fmt::format("the vmcore has no vCPU for thread {}", thread.value));
    return &core_.vcpus[vcpu_of(thread).value];
}

std::vector<gdbstub::ThreadId> CoreTarget::threads() const {
    std::vector<gdbstub::ThreadId> ids;
    for (std::uint32_t i = 0; i < core_.vcpus.size(); ++i)
        ids.push_back(thread_of(VcpuIndex{i}));
    return ids;
}

gdbstub::Result<gdbstub::ThreadInfo> CoreTarget::thread_info(gdbstub::ThreadId thread) {
    const auto* there = TRY(vcpu(thread));
    const VcpuIndex index = vcpu_of(thread);
    return gdbstub::ThreadInfo{thread, index.value, fmt::format("vCPU {}", index.value),
                               fmt::format("{}, CPL {}", x86::name(x86::cpu_mode(there->state)),
                                           x86::privilege_level(there->state.general, there->state.system))};
}

// ---- gdbstub::Registers

gdbstub::Result<void> CoreTarget::read_all(gdbstub::ThreadId thread, std::vector<std::byte>& out,
                                           std::vector<std::pair<std::size_t, std::size_t>>& unavailable) {
    const auto* there = TRY(vcpu(thread));
    const std::size_t start = out.size();
    file_.encode_all(there->state, out);
    for (const x86::RegisterInfo& info : file_.registers().first(file_.g_count())) {
        if (!there->known(info))
            unavailable.emplace_back(start + info.offset, info.bytes());
    }
    return {};
}

gdbstub::Result<std::vector<std::byte>> CoreTarget::read(gdbstub::ThreadId thread, std::uint32_t regno) {
    const auto* there = TRY(vcpu(thread));
    const x86::RegisterInfo* info = file_.find(regno);
    if (info == nullptr)
        return refuse(Code::Invalid, "there is no such register");
    if (!there->known(*info))
        return std::vector<std::byte>{};
    std::vector<std::byte> bytes(info->bytes());
    if (auto done = file_.read(there->state, regno, bytes); !done)
        return refuse(Code::Invalid, std::string(x86::describe(done.error())));
    return bytes;
}

gdbstub::Result<void> CoreTarget::write_all(gdbstub::ThreadId, std::span<const std::byte>) {
    return refuse(Code::Invalid, kNothingChanges);
}

gdbstub::Result<void> CoreTarget::write(gdbstub::ThreadId, std::uint32_t, std::span<const std::byte>) {
    return refuse(Code::Invalid, kNothingChanges);
}

gdbstub::Result<std::uint32_t> CoreTarget::save(gdbstub::ThreadId) {
    return refuse(Code::Invalid, kNothingChanges);
}

gdbstub::Result<void> CoreTarget::restore(gdbstub::ThreadId, std::uint32_t) {
    return refuse(Code::Invalid, kNothingChanges);
}

// ---- gdbstub::Memory

gdbstub::Result<std::size_t> CoreTarget::read(gdbstub::ThreadId thread, gdbstub::Address address,
                                              std::span<std::byte> out) {
    const auto* there = TRY(vcpu(thread));
    const auto tables = view_.tables_for(there->state.system, Gva{address});
    const auto count =
        physical_ ? view_.read_physical(Gpa{address}, out) : view_.read(tables, Gva{address}, out);
    if (!count)
        return refuse(count.error(), Code::Fault);
    return *count;
}

gdbstub::Result<void> CoreTarget::write(gdbstub::ThreadId, gdbstub::Address, std::span<const std::byte>) {
    return refuse(Code::Invalid, kNothingChanges);
}

gdbstub::Result<gdbstub::MemoryRegion> CoreTarget::region(gdbstub::ThreadId thread,
                                                          gdbstub::Address address) {
    const auto* there = TRY(vcpu(thread));
    return memory_region(view_, view_.tables_for(there->state.system, Gva{address}), Gva{address});
}

// ---- gdbstub::Execution

// An error would leave gdb without the registers that it has shown.
gdbstub::Result<void> CoreTarget::resume(std::span<const gdbstub::ThreadResume> threads) {
    gdbstub::StopEvent stop = last_stop();
    if (!threads.empty() && vcpu(threads.front().thread))
        stop.thread = threads.front().thread;
    stop.console = kNothingRuns;
    on_stop_(stop);
    return {};
}

gdbstub::StopEvent CoreTarget::last_stop() const {
    return {thread_of(VcpuIndex{0}), gdbstub::StoppedBySignal{gdbstub::Signal::Trap, false}, {}};
}

}  // namespace ringside::debug
