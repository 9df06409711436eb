// "Who wrote this?": the answer is in the records; the guest stays where it is.

#include <fmt/format.h>

#include <algorithm>

#include "arch/x86_64/decode.h"
#include "vmm/debug/monitor/arguments.h"
#include "vmm/debug/monitor/history_commands.h"
#include "vmm/debug/monitor/recorded_step.h"
#include "vmm/history/last_change.h"
#include "vmm/machine/dirty_pages.h"
#include "vmm/snapshot/image_registers.h"

namespace ringside::debug {

namespace {

using history::History;
using history::MemoryPart;
using Bytes = std::vector<std::byte>;

constexpr std::uint64_t kLongest = 4096, kShown = 64;

// Numbers as numbers; anything longer byte by byte.
Cell value_cell(const Bytes& bytes) {
    std::uint64_t value = 0;
    if (bytes.size() <= sizeof value) {
        for (std::size_t i = bytes.size(); i-- > 0;)
            value = value << 8 | std::to_integer<std::uint64_t>(bytes[i]);
        return {value, fmt::format("0x{:0{}x}", value, 2 * bytes.size())};
    }
    std::string text;
    for (const std::byte byte : std::span(bytes).first(std::min<std::size_t>(bytes.size(), kShown)))
        text += fmt::format("{:02x}", std::to_integer<unsigned>(byte));
    return words(text + (bytes.size() > kShown ? "..." : ""));
}

Result<x86::CpuState> registers_here(Debugger& debugger, VcpuIndex vcpu) {
    x86::ClassSet classes;
    classes.add(x86::RegisterClass::General);
    classes.add(x86::RegisterClass::System);
    const auto* state = TRY(debugger.state(vcpu).load(*debugger.stop_token(), classes));
    return *state;
}

// Where a stretch of linear addresses is in physical memory now.
Result<std::vector<MemoryPart>> parts_of(const GuestView& view, const x86::SystemRegisters& system,
                                         Gva address, std::uint64_t size) {
    std::vector<MemoryPart> parts;
    for (std::uint64_t done = 0; done < size;) {
        const Gva at = address + done;
        const auto part = std::min(size - done, machine::kPageSize - at.value % machine::kPageSize);
        const auto page = view.translate(view.tables_for(system, at), at);
        if (!page)
            return failure("last-write", x86::describe(page.error()));
        parts.push_back({page->gpa, part});
        done += part;
    }
    return parts;
}

Bytes read_parts(const GuestView& view, std::span<const MemoryPart> parts) {
    Bytes bytes;
    for (const MemoryPart& part : parts) {
        Bytes some(part.size);
        some.resize(view.read_physical(part.gpa, some).value_or(0));
        bytes.insert(bytes.end(), some.begin(), some.end());
    }
    return bytes;
}

// Returns true if the instruction that is next writes there, or if that cannot be told.
bool may_write(const History& history, const GuestView& view, Gva address, std::uint64_t size) {
    const x86::CpuState state = snapshot::main_registers(history.image().vcpu(history.vcpu_here()));
    std::array<std::byte, x86::kMaxInstructionLength> bytes{};
    const auto length = view.fetch(state.system, x86::linear_pc(state.general, state.system), bytes);
    const auto accesses = x86::Decoder().memory_accesses(std::span(bytes).first(length), state,
                                                         x86::RepeatScope::AllIterations);
    if (!accesses || !accesses->complete())
        return true;
    return std::ranges::any_of(accesses->list(), [&](const x86::MemoryAccess& access) {
        return access.write && access.gva.value < address.value + size &&
               address.value < access.gva.value + access.size;
    });
}

Answer& add_step(Answer& answer, const RecordedStep& step, history::Change change) {
    answer.value("step", number(step.step));
    if (step.vcpu)
        answer.value("vcpu", number(step.vcpu->value));
    if (change != history::Change::Step)
        return answer.note(
            "No instruction did this: it was written from outside while the guest was stopped.");
    return answer.value("rip", hex(step.rip))
        .value("symbol", words(step.symbol))
        .value("instruction", words(step.instruction));
}

Error unchanged(const History& history, std::string_view operation, std::string_view what) {
    return Error{std::string(operation),
                 fmt::format("nothing has changed {} since step {}, where the recording begins", what,
                             history.first_step()),
                 0,
                 {},
                 {}};
}

// ---- last-write

Result<Answer> last_write(Debugger& debugger, const SymbolOf& symbol, const Arguments& arguments) {
    const auto address = arguments.words.empty() ? std::nullopt : parse_number(arguments.words[0]);
    if (!address)
        return failure("last-write", "it needs an address (0x... or decimal)");
    auto* history = TRY(debugger.time_travel().stopped_history());
    auto state = TRY(registers_here(debugger, arguments.vcpu));
    const std::uint64_t pointer = x86::cpu_mode(state) == x86::CpuMode::Long64 ? 8 : 4;
    const auto size = arguments.words.size() < 2 ? std::optional(pointer) : parse_number(arguments.words[1]);
    if (!size || *size == 0 || *size > kLongest)
        return failure("last-write", fmt::format("the length must be from 1 to {}", kLongest));
    const GuestView& view = debugger.view();
    auto parts = TRY(parts_of(view, state.system, Gva{*address}, *size));
    const auto record = history::last_memory_change(*history, parts);
    if (!record)
        return tl::unexpected(unchanged(*history, "last-write", "these bytes"));
    const auto change = history->log().at(*record).change;
    Answer answer;
    bool own = true;
    const auto before = history->as_of(*record, [&] {
        add_step(answer, recorded_step(*history, view, symbol), change);
        own = change != history::Change::Step || may_write(*history, view, Gva{*address}, *size);
        return read_parts(view, parts);
    });
    const auto after = history->as_of(*record + 1, [&] { return read_parts(view, parts); });
    answer.value("address", hex(*address)).value("old", value_cell(before)).value("new", value_cell(after));
    if (!own)
        answer.note(
            "This instruction does not write there. Something else in the same step did: an interrupt's "
            "handler or a device.");
    return answer;
}

// ---- last-change

Result<const x86::RegisterInfo*> register_named(Debugger& debugger, const Arguments& arguments) {
    auto name = arguments.words.empty() ? std::string_view() : arguments.words[0];
    if (name.starts_with('$'))
        name.remove_prefix(1);
    const x86::RegisterInfo* info = debugger.guest().registers().find(name);
    if (info == nullptr)
        return failure("last-change", fmt::format("there is no register \"{}\"", name),
                       "`info registers` names them");
    if (info->register_class == x86::RegisterClass::Msrs)
        return failure("last-change", "MSRs are not compared after each step");
    return info;
}

Bytes register_value(Debugger& debugger, const snapshot::VcpuImage& image, const x86::RegisterInfo& info) {
    const bool plain = info.register_class == x86::RegisterClass::General ||
                       info.register_class == x86::RegisterClass::System;
    const x86::CpuState state =
        plain ? snapshot::main_registers(image)
              : snapshot::image_registers(image, debugger.machine().cpu_features().xsave_layout);
    Bytes bytes(info.bytes());
    if (!debugger.guest().registers().read(state, info.regno, bytes))
        bytes.clear();
    return bytes;
}

Result<Answer> last_change(Debugger& debugger, const SymbolOf& symbol, const Arguments& arguments) {
    const auto* info = TRY(register_named(debugger, arguments));
    auto* history = TRY(debugger.time_travel().stopped_history());
    const VcpuIndex vcpu = arguments.vcpu;
    const Bytes now = register_value(debugger, history->image().vcpu(vcpu), *info);
    const auto record = history::last_image_change(*history, [&](const snapshot::MachineImage& image) {
        return register_value(debugger, image.vcpu(vcpu), *info) == now;
    });
    if (!record)
        return tl::unexpected(unchanged(*history, "last-change", info->name));
    Answer answer;
    const auto before = history->as_of(*record, [&] {
        add_step(answer, recorded_step(*history, debugger.view(), symbol), history->log().at(*record).change);
        return register_value(debugger, history->image().vcpu(vcpu), *info);
    });
    return answer.value("register", words(info->name))
        .value("old", value_cell(before))
        .value("new", value_cell(now));
}

}  // namespace

void add_last_change_commands(MonitorRegistry& registry, Debugger& debugger, const SymbolOf& symbol) {
    add_answering(registry, debugger,
                  {"last-write", "ADDRESS [LENGTH]",
                   "the recorded instruction that last changed this memory, with the old and new value", 2,
                   [&debugger, symbol](const Arguments& arguments) {
                       return last_write(debugger, symbol, arguments);
                   }});
    add_answering(
        registry, debugger,
        {"last-change", "REGISTER", "the recorded instruction that last changed this register", 1,
         [&debugger, symbol](const Arguments& arguments) { return last_change(debugger, symbol, arguments); },
         true});
}

}  // namespace ringside::debug
