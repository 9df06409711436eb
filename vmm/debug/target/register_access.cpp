#include "vmm/debug/target/register_access.h"

#include <array>
#include <utility>

#include <fmt/format.h>

#include "arch/x86_64/cpu_mode.h"
#include "vmm/debug/guest/guest_tables.h"
#include "vmm/debug/run_control/thread_ids.h"
#include "vmm/debug/run_control/vcpu_debugger.h"
#include "vmm/debug/target/errors.h"

namespace ringside::debug {

namespace {

using Code = gdbstub::TargetError::Code;

// What one client may save at most; LLDB restores each state soon after it has saved it.
constexpr std::size_t kMostSaved = 64;

tl::unexpected<gdbstub::TargetError> register_error(x86::RegisterError error) {
    return refuse(Code::Invalid, std::string(x86::describe(error)));
}

using System = x86::SystemRegisters;

struct SegmentName {
    x86::Segment System::*segment;
    const char* name;
};
constexpr std::array kSegments{SegmentName{&System::cs, "cs"}, SegmentName{&System::ss, "ss"},
                               SegmentName{&System::ds, "ds"}, SegmentName{&System::es, "es"},
                               SegmentName{&System::fs, "fs"}, SegmentName{&System::gs, "gs"}};

// What a segment register holds after a selector has been loaded; the reason if the processor would refuse it.
gdbstub::Result<x86::Segment> load_segment(const GuestView& view, const x86::CpuState& before,
                                           const SegmentName& which, std::uint16_t selector) {
    const bool code = which.segment == &System::cs, stack = which.segment == &System::ss;
    if ((selector & ~3) == 0 && !code && !stack)
        return x86::Segment{.selector = selector, .unusable = 1};
    const auto segment = table_segment(view, before.system, selector);
    if (!segment)
        return refuse(Code::Invalid,
                      fmt::format("${} = {:#x}: the GDT and LDT have no code or data segment there",
                                  which.name, selector));
    if (code != ((segment->type & x86::descriptor_type::kCode) != 0) && (code || stack))
        return refuse(Code::Invalid, fmt::format("${} = {:#x}: that is a {} segment", which.name, selector,
                                                 code ? "data" : "code"));
    if ((code || stack) &&
        x86::requested_privilege(selector) != x86::privilege_level(before.general, before.system))
        return refuse(Code::Invalid, fmt::format("${} = {:#x}: the privilege level cannot be changed so",
                                                 which.name, selector));
    return *segment;
}

// A new selector also loads its segment, as on the processor: in real mode and in virtual-8086 mode the segment begins at
// 16 times the selector, otherwise it is what the descriptor table has. A segment that was written together with the
// selector stays as it was written.
gdbstub::Result<void> follow_selectors(const GuestView& view, const x86::CpuState& before,
                                       x86::CpuState& changed) {
    const auto mode = x86::cpu_mode(before);
    const bool flat = mode == x86::CpuMode::Real || mode == x86::CpuMode::Virtual8086;
    for (const SegmentName& which : kSegments) {
        x86::Segment old = before.system.*which.segment;
        x86::Segment& now = changed.system.*which.segment;
        const std::uint16_t selector = std::exchange(old.selector, now.selector);
        if (now.selector == selector || now != old)
            continue;
        if (flat) {
            now.base = std::uint64_t{now.selector} << 4;
            continue;
        }
        now = TRY(load_segment(view, before, which, now.selector));
    }
    return {};
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
    if (debugger_.guest().vcpu(vcpu_of(thread)).dead())
        return refuse(Code::Invalid,
                      "this vCPU cannot run on (see `monitor fatal`): its registers are what it ended with");
    if (auto r = debugger_.state(vcpu_of(thread)).store(*debugger_.stop_token(), classes, state); !r)
        return refuse(r.error());
    debugger_.time_travel().edited();
    return {};
}

gdbstub::Result<void> RegisterAccess::read_all(gdbstub::ThreadId thread, std::vector<std::byte>& out,
                                               std::vector<std::pair<std::size_t, std::size_t>>&) {
    const auto* state = TRY(load(thread, file().g_classes()));
    file().encode_all(*state, out);
    return {};
}

gdbstub::Result<void> RegisterAccess::write_all(gdbstub::ThreadId thread, std::span<const std::byte> data) {
    const auto* state = TRY(load(thread, file().g_classes()));
    x86::CpuState changed = *state;
    if (auto r = file().decode_all(data, changed); !r)
        return register_error(r.error());
    TRY(follow_selectors(debugger_.view(), *state, changed));
    return store(thread, file().g_classes(), changed);
}

gdbstub::Result<std::vector<std::byte>> RegisterAccess::read(gdbstub::ThreadId thread, std::uint32_t regno) {
    const auto* info = file().find(regno);
    if (info == nullptr)
        return register_error(x86::RegisterError::NoSuchRegister);
    x86::ClassSet classes;
    classes.add(info->register_class);
    const auto* state = TRY(load(thread, classes));
    if (!debugger_.state(vcpu_of(thread)).known(*info))
        return std::vector<std::byte>{};
    std::vector<std::byte> bytes(info->bytes());
    if (auto r = file().read(*state, regno, bytes); !r)
        return register_error(r.error());
    return bytes;
}

gdbstub::Result<void> RegisterAccess::write(gdbstub::ThreadId thread, std::uint32_t regno,
                                            std::span<const std::byte> data) {
    const auto* info = file().find(regno);
    if (info == nullptr)
        return register_error(x86::RegisterError::NoSuchRegister);
    x86::ClassSet classes;
    classes.add(info->register_class);
    x86::ClassSet needed = classes;
    needed.add(x86::RegisterClass::General);  // the CPU's mode
    needed.add(x86::RegisterClass::System);
    const auto* state = TRY(load(thread, needed));
    x86::CpuState changed = *state;
    if (auto r = file().write(changed, regno, data); !r)
        return register_error(r.error());
    TRY(follow_selectors(debugger_.view(), *state, changed));
    return store(thread, classes, changed);
}

gdbstub::Result<std::uint32_t> RegisterAccess::save(gdbstub::ThreadId thread) {
    const auto* state = TRY(load(thread, file().g_classes()));
    if (saved_.size() >= kMostSaved)
        return refuse(Code::NoSpace, "too many register states are saved: restore some first");
    saved_.emplace(next_id_, *state);
    return next_id_++;
}

gdbstub::Result<void> RegisterAccess::restore(gdbstub::ThreadId thread, std::uint32_t id) {
    const auto it = saved_.find(id);
    if (it == saved_.end())
        return refuse(Code::Invalid, "no register state was saved under this number");
    TRY(load(thread, file().g_classes()));
    auto result = store(thread, file().g_classes(), it->second);
    saved_.erase(it);
    return result;
}

std::optional<gdbstub::Registers::Info> register_info(const x86::RegisterFile& file, std::uint32_t regno) {
    const auto* r = file.find(regno);
    if (r == nullptr)
        return std::nullopt;
    gdbstub::Registers::Info info;
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
