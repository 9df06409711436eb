#include "vmm/debug/monitor/table_commands.h"

#include <fmt/format.h>

#include "arch/x86_64/exceptions.h"
#include "vmm/debug/guest/guest_tables.h"
#include "vmm/debug/guest/registers_now.h"
#include "vmm/debug/monitor/arguments.h"

namespace ringside::debug {

namespace {

constexpr unsigned kVectors = 256;

bool long_mode(const RegistersNow& now) {
    return x86::is_long_mode(x86::cpu_mode(now.general, now.system));
}

std::string at(const char* name, const x86::DescriptorTable& table) {
    return fmt::format("{} at 0x{:x}, limit 0x{:x}", name, table.base, table.limit);
}

// The text of a gate's vector: "0x0e #PF".
Cell vector_cell(unsigned vector) {
    return {vector, vector < 32 ? fmt::format("0x{:02x} {}", vector,
                                              x86::exception_name(static_cast<std::uint8_t>(vector)))
                                : fmt::format("0x{:02x}", vector)};
}

std::vector<Cell> gate_row(unsigned vector, const x86::Gate& gate) {
    return {vector_cell(vector),
            words(x86::name(gate.kind)),
            hex(gate.selector),
            hex(gate.offset),
            number(gate.dpl),
            number(gate.stack_table),
            flag(gate.present, "yes", "no")};
}

// The bytes of [start, start + size) of a table have to be readable, or the answer would hide entries.
Result<void> readable(const GuestView& view, const RegistersNow& now, const char* what,
                      const x86::DescriptorTable& table) {
    std::vector<std::byte> bytes(std::size_t{table.limit} + 1);
    const auto count = view.read(now.system, Gva{table.base}, bytes);
    if (!count)
        return failure(fmt::format("read the {}", at(what, table)), count.error().reason);
    if (*count < bytes.size())
        return failure(fmt::format("read the {}", at(what, table)),
                       fmt::format("memory ends at 0x{:x}", table.base + *count));
    return {};
}

Result<std::optional<unsigned>> chosen_vector(const Arguments& arguments) {
    if (arguments.words.empty())
        return std::nullopt;
    const auto vector = parse_number(arguments.words.front());
    if (!vector || *vector >= kVectors)
        return failure(
            "idt", fmt::format("\"{}\" is not a vector: vectors are from 0 to 255", arguments.words.front()));
    return static_cast<unsigned>(*vector);
}

std::vector<std::vector<Cell>> real_mode_vectors(const GuestView& view, const RegistersNow& now,
                                                 std::optional<unsigned> only) {
    std::vector<std::vector<Cell>> rows;
    for (unsigned vector = only.value_or(0); vector < (only ? *only + 1 : kVectors); ++vector) {
        const auto entry =
            view.load(now.system, Gva{now.system.idtr.base + vector * x86::kRealModeVectorBytes},
                      x86::kRealModeVectorBytes);
        if (!entry)
            continue;
        const auto handler = x86::decode_real_mode_vector(static_cast<std::uint32_t>(*entry));
        rows.push_back({vector_cell(vector), hex(handler.segment), hex(handler.offset)});
    }
    return rows;
}

Result<Answer> idt(Inspected& guest, const Arguments& arguments) {
    auto only = TRY(chosen_vector(arguments));
    auto now = TRY(guest.registers_now(arguments.vcpu));
    const GuestView& view = guest.view();
    const auto& table = now.system.idtr;
    const auto mode = x86::cpu_mode(now.general, now.system);
    TRY(readable(view, now, "IDT", table));
    Answer answer;
    answer.headline(at(mode == x86::CpuMode::Real ? "interrupt vector table" : "IDT", table))
        .value("base", hex(table.base))
        .value("limit", hex(table.limit));
    if (mode == x86::CpuMode::Real)
        return answer.table("vectors", {"vector", "segment", "offset"}, real_mode_vectors(view, now, only));
    std::vector<std::vector<Cell>> rows;
    for (unsigned vector = only.value_or(0); vector < (only ? *only + 1 : kVectors); ++vector) {
        const auto gate = idt_entry(view, now.system, long_mode(now), static_cast<std::uint8_t>(vector));
        if (gate && (only || gate->present))
            rows.push_back(gate_row(vector, *gate));
    }
    return answer.table("gates", {"vector", "kind", "selector", "offset", "dpl", "ist", "present"},
                        std::move(rows));
}

std::vector<Cell> descriptor_row(const x86::Segment& s, bool long_mode) {
    return {hex(s.selector), words(x86::describe_descriptor(s, long_mode)),
            hex(s.base),     hex(s.limit),
            number(s.dpl),   flag(s.present != 0, "yes", "no")};
}

Result<Answer> gdt(Inspected& guest, const Arguments& arguments) {
    auto now = TRY(guest.registers_now(arguments.vcpu));
    const GuestView& view = guest.view();
    const auto& table = now.system.gdtr;
    TRY(readable(view, now, "GDT", table));
    std::vector<std::vector<Cell>> rows;
    for (unsigned offset = 8; offset + 7 <= table.limit; offset += 8) {
        const auto low = view.load(now.system, Gva{table.base + offset}, 8).value_or(0);
        if (low == 0)
            continue;
        const auto selector = static_cast<std::uint16_t>(offset);
        x86::Segment s = x86::decode_descriptor(selector, low);
        if (long_mode(now) && x86::is_wide(s)) {
            offset += 8;
            const auto high = view.load(now.system, Gva{table.base + offset}, 8).value_or(0);
            s = x86::decode_descriptor(selector, low, high);
        }
        rows.push_back(descriptor_row(s, long_mode(now)));
    }
    return Answer()
        .headline(at("GDT", table))
        .value("base", hex(table.base))
        .value("limit", hex(table.limit))
        .table("descriptors", {"selector", "kind", "base", "limit", "dpl", "present"}, std::move(rows));
}

void add_stacks(Answer& answer, const x86::TaskState& state) {
    const bool wide = state.width == x86::TaskState::Width::Bits64;
    for (std::size_t level = 0; level < state.stacks.size(); ++level) {
        answer.value(fmt::format("stack {}", level), hex(state.stacks[level]));
        if (!wide)
            answer.value(fmt::format("stack segment {}", level), hex(state.stack_segments[level]));
    }
    for (std::size_t i = 0; wide && i < state.interrupt_stacks.size(); ++i)
        answer.value(fmt::format("ist {}", i + 1), hex(state.interrupt_stacks[i]));
}

Result<Answer> tss(Inspected& guest, const Arguments& arguments) {
    auto now = TRY(guest.registers_now(arguments.vcpu));
    const x86::Segment& tr = now.system.tr;
    if ((tr.selector & ~3U) == 0)
        return failure("tss", "the task register holds the null selector: no LTR has loaded one");
    const auto width = x86::task_state_width(tr, long_mode(now));
    std::vector<std::byte> bytes(x86::task_state_size(width));
    auto count = TRY(guest.view().read(now.system, Gva{tr.base}, bytes));
    if (count < bytes.size())
        return failure("tss", fmt::format("the memory of the TSS ends at 0x{:x}", tr.base + count));
    const x86::TaskState state = x86::decode_task_state(bytes, width);
    Answer answer;
    answer
        .headline(fmt::format("TSS at 0x{:x}, limit 0x{:x}, selector 0x{:x}", tr.base, tr.limit, tr.selector))
        .value("base", hex(tr.base))
        .value("limit", hex(tr.limit))
        .value("selector", hex(tr.selector));
    add_stacks(answer, state);
    if (width == x86::TaskState::Width::Bits32)
        answer.value("cr3", hex(state.cr3));
    if (width != x86::TaskState::Width::Bits64)
        answer.value("back link", hex(state.back_link));
    if (state.io_map)
        answer.value("io map",
                     *state.io_map > tr.limit
                         ? Cell{*state.io_map,
                                fmt::format("0x{:x}: beyond the limit, so there is none", *state.io_map)}
                         : hex(*state.io_map));
    return answer;
}

}  // namespace

void add_table_commands(MonitorRegistry& registry, Inspected& guest) {
    add_answering(registry, guest,
                  {"idt", "[VECTOR]", "the interrupt descriptor table's gates, or real mode's vectors", 1,
                   [&](const Arguments& arguments) { return idt(guest, arguments); }});
    add_answering(registry, guest,
                  {"gdt", "", "the global descriptor table, entry by entry", 0,
                   [&](const Arguments& arguments) { return gdt(guest, arguments); }});
    add_answering(registry, guest,
                  {"tss", "", "the current task state segment: stacks of each level, I/O map", 0,
                   [&](const Arguments& arguments) { return tss(guest, arguments); }});
}

}  // namespace ringside::debug
