#include "vmm/debug/target/register_access.h"

#include "arch/x86_64/cpu_mode.h"
#include "vmm/debug/run_control/thread_ids.h"
#include "vmm/debug/target/errors.h"

namespace ringside::debug {

namespace {

using Code = gdbstub::TargetError::Code;

// What one client may save at most; LLDB restores each state soon after it has saved it.
constexpr std::size_t kMostSaved = 64;

tl::unexpected<gdbstub::TargetError> register_error(x86::RegisterError error) {
    return refuse(Code::Invalid, std::string(x86::describe(error)));
}

// In real mode and in virtual-8086 mode a segment begins at 16 times its selector, so a new selector moves it.
// A base that was written along with the selector stays as it was written.
void follow_selectors(const x86::CpuState& before, x86::CpuState& changed) {
    const auto mode = x86::cpu_mode(changed);
    if (mode != x86::CpuMode::Real && mode != x86::CpuMode::Virtual8086)
        return;
    using System = x86::SystemRegisters;
    for (const auto segment :
         {&System::cs, &System::ss, &System::ds, &System::es, &System::fs, &System::gs}) {
        const x86::Segment& old = before.system.*segment;
        x86::Segment& now = changed.system.*segment;
        if (now.selector != old.selector && now.base == old.base)
            now.base = std::uint64_t{now.selector} << 4;
    }
}

}  // namespace

gdbstub::Result<const x86::CpuState*> RegisterAccess::load(gdbstub::ThreadId thread, x86::ClassSet classes) {
    const auto* token = debugger_.stop_token();
    if (token == nullptr)
        return still_running();
    const auto state = debugger_.state(vcpu_of(thread)).load(*token, classes);
    if (!state)
        return refuse(state.error());
    return *state;
}

gdbstub::Result<void> RegisterAccess::store(gdbstub::ThreadId thread, x86::ClassSet classes,
                                            const x86::CpuState& state) {
    if (auto r = debugger_.state(vcpu_of(thread)).store(*debugger_.stop_token(), classes, state); !r)
        return refuse(r.error());
    return {};
}

gdbstub::Result<void> RegisterAccess::read_all(gdbstub::ThreadId thread, std::vector<std::byte>& out,
                                               std::vector<std::pair<std::size_t, std::size_t>>&) {
    const auto state = load(thread, file_.g_classes());
    if (!state)
        return tl::unexpected<gdbstub::TargetError>(state.error());
    file_.encode_all(**state, out);
    return {};
}

gdbstub::Result<void> RegisterAccess::write_all(gdbstub::ThreadId thread, std::span<const std::byte> data) {
    const auto state = load(thread, file_.g_classes());
    if (!state)
        return tl::unexpected<gdbstub::TargetError>(state.error());
    x86::CpuState changed = **state;
    if (auto r = file_.decode_all(data, changed); !r)
        return register_error(r.error());
    follow_selectors(**state, changed);
    return store(thread, file_.g_classes(), changed);
}

gdbstub::Result<std::vector<std::byte>> RegisterAccess::read(gdbstub::ThreadId thread, std::uint32_t regno) {
    const auto* info = file_.find(regno);
    if (info == nullptr)
        return register_error(x86::RegisterError::NoSuchRegister);
    x86::ClassSet classes;
    classes.add(info->register_class);
    const auto state = load(thread, classes);
    if (!state)
        return tl::unexpected<gdbstub::TargetError>(state.error());
    if (!debugger_.state(vcpu_of(thread)).known(*info))
        return std::vector<std::byte>{};
    std::vector<std::byte> bytes(info->bytes());
    if (auto r = file_.read(**state, regno, bytes); !r)
        return register_error(r.error());
    return bytes;
}

gdbstub::Result<void> RegisterAccess::write(gdbstub::ThreadId thread, std::uint32_t regno,
                                            std::span<const std::byte> data) {
    const auto* info = file_.find(regno);
    if (info == nullptr)
        return register_error(x86::RegisterError::NoSuchRegister);
    x86::ClassSet classes;
    classes.add(info->register_class);
    x86::ClassSet needed = classes;
    needed.add(x86::RegisterClass::General);  // the CPU's mode
    needed.add(x86::RegisterClass::System);
    const auto state = load(thread, needed);
    if (!state)
        return tl::unexpected<gdbstub::TargetError>(state.error());
    x86::CpuState changed = **state;
    if (auto r = file_.write(changed, regno, data); !r)
        return register_error(r.error());
    follow_selectors(**state, changed);
    return store(thread, classes, changed);
}

gdbstub::Result<std::uint32_t> RegisterAccess::save(gdbstub::ThreadId thread) {
    const auto state = load(thread, file_.g_classes());
    if (!state)
        return tl::unexpected<gdbstub::TargetError>(state.error());
    if (saved_.size() >= kMostSaved)
        return refuse(Code::NoSpace, "too many register states are saved: restore some first");
    saved_.emplace(next_id_, **state);
    return next_id_++;
}

gdbstub::Result<void> RegisterAccess::restore(gdbstub::ThreadId thread, std::uint32_t id) {
    const auto it = saved_.find(id);
    if (it == saved_.end())
        return refuse(Code::Invalid, "no register state was saved under this number");
    if (auto r = load(thread, file_.g_classes()); !r)
        return tl::unexpected<gdbstub::TargetError>(r.error());
    auto result = store(thread, file_.g_classes(), it->second);
    saved_.erase(it);
    return result;
}

std::optional<gdbstub::Registers::Info> RegisterAccess::info(std::uint32_t regno) const {
    const auto* r = file_.find(regno);
    if (r == nullptr)
        return std::nullopt;
    Info info;
    info.name = r->name;
    info.alt_name = r->alt_name;
    info.set = r->set;
    info.generic = r->generic;
    info.format = r->format;
    info.encoding = r->encoding;
    info.bits = r->bits;
    info.offset = r->offset;
    info.dwarf = r->dwarf;
    return info;
}

}  // namespace ringside::debug
