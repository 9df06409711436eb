#include "vmm/debug/monitor/interrupt_answers.h"

#include <fmt/format.h>

#include "arch/x86_64/interrupt_path.h"

namespace ringside::debug {

namespace {

Cell vectors(const x86::VectorSet& set) {
    JsonArray raw;
    std::string text;
    for (unsigned vector = 0; vector < set.size(); ++vector) {
        if (!set[vector])
            continue;
        raw.emplace_back(std::uint64_t{vector});
        text += fmt::format("{}0x{:x}", text.empty() ? "" : " ", vector);
    }
    return {std::move(raw), text.empty() ? "none" : std::move(text)};
}

// "IR0 IR2", and the mask as a number.
Cell inputs(std::uint8_t mask) {
    Cell cell{mask, {}};
    for (unsigned input = 0; input < 8; ++input) {
        if ((mask >> input & 1) != 0)
            cell.text += fmt::format("{}IR{}", cell.text.empty() ? "" : " ", input);
    }
    if (cell.text.empty())
        cell.text = "none";
    return cell;
}

// Only fixed and lowest-priority messages carry a vector.
Cell vector_of(std::uint8_t vector, x86::DeliveryMode delivery) {
    const bool used = delivery == x86::DeliveryMode::Fixed || delivery == x86::DeliveryMode::LowestPriority;
    return {vector, used ? fmt::format("0x{:x}", vector) : "-"};
}

Cell trigger(bool level, bool active_low) {
    return words(fmt::format("{}, active {}", level ? "level" : "edge", active_low ? "low" : "high"));
}

Cell mask_of(bool masked) {
    return flag(masked, "masked", "open");
}

std::vector<Cell> local_vector_row(x86::LocalSource source, const x86::LocalVector& entry) {
    // The timer, thermal, performance and error entries have neither a trigger mode nor a polarity.
    const bool pin = source == x86::LocalSource::Lint0 || source == x86::LocalSource::Lint1;
    const bool has_delivery = source != x86::LocalSource::Timer && source != x86::LocalSource::Error;
    const auto delivery = has_delivery ? entry.delivery() : x86::DeliveryMode::Fixed;
    return {words(x86::name(source)),
            mask_of(entry.masked()),
            vector_of(entry.vector(), delivery),
            words(x86::name(delivery)),
            pin ? trigger(entry.level(), entry.active_low()) : words("edge"),
            flag(entry.pending(), "pending", "idle"),
            hex(entry.raw)};
}

// The line's input of an 8259A: KVM routes lines 0 to 15 there by their numbers.
Cell pic_input(const x86::PicPair& pics, unsigned line) {
    if (line >= x86::PicPair::kLines)
        return {nullptr, "-"};
    const x86::Pic& chip = pics.of_line(line);
    const unsigned input = line & 7, vector = chip.vector_base + input;
    const auto has = [&](std::uint8_t mask) { return (mask >> input & 1) != 0; };
    const bool masked = has(chip.masked), requested = has(chip.requested), serviced = has(chip.in_service);
    return {JsonObject({{"chip", line < 8 ? "first" : "second"},
                        {"input", input},
                        {"vector", vector},
                        {"masked", masked},
                        {"requested", requested},
                        {"in_service", serviced},
                        {"level_triggered", has(chip.level_triggered)}}),
            fmt::format("0x{:x}{}{}{}{}", vector, has(chip.level_triggered) ? ", level" : "",
                        masked ? ", masked" : "", requested ? ", requested" : "",
                        serviced ? ", in service" : "")};
}

// Where a pin's interrupt goes: "0x34 to APIC 0x0, edge".
std::string route(const x86::RedirectionEntry& entry) {
    const Cell vector = vector_of(entry.vector(), entry.delivery());
    return fmt::format(
        "{} to {} 0x{:x}, {}", vector.text == "-" ? std::string(x86::name(entry.delivery())) : vector.text,
        entry.logical() ? "logical" : "APIC", entry.destination(), entry.level() ? "level" : "edge");
}

// The line's pin of the I/O APIC, which has the same number. Of one that nobody has set up the text has the mask alone.
Cell io_apic_pin(const x86::IoApic& chip, unsigned line) {
    const x86::RedirectionEntry& entry = chip.pins.at(line);
    const bool requested = (chip.requested >> line & 1) != 0;
    constexpr std::uint64_t kOnlyMasked = 0x10000;
    return {JsonObject({{"pin", line},
                        {"vector", entry.vector()},
                        {"delivery", std::string(x86::name(entry.delivery()))},
                        {"logical", entry.logical()},
                        {"destination", entry.destination()},
                        {"level_triggered", entry.level()},
                        {"masked", entry.masked()},
                        {"requested", requested},
                        {"remote_irr", entry.remote_irr()}}),
            fmt::format("{}{}{}{}", entry.raw == kOnlyMasked ? "masked" : route(entry),
                        entry.masked() && entry.raw != kOnlyMasked ? ", masked" : "",
                        requested ? ", requested" : "", entry.remote_irr() ? ", in service" : "")};
}

Cell raised(std::optional<bool> is_raised) {
    return is_raised ? flag(*is_raised, "raised", "-") : Cell{nullptr, "unknown"};
}

}  // namespace

Answer local_apic_answer(VcpuIndex vcpu, const x86::LocalApic& apic) {
    Answer answer;
    answer.headline(fmt::format("vCPU {}: local APIC {}, {}{}", vcpu.value, apic.id, x86::name(apic.mode),
                                apic.bootstrap ? ", bootstrap processor" : ""));
    const auto& timer = apic.local_vector(x86::LocalSource::Timer);
    answer.value("vcpu", number(vcpu.value))
        .value("id", number(apic.id))
        .value("mode", words(x86::name(apic.mode)))
        .value("base", hex(apic.base))
        .value("version", hex(apic.version))
        .value("enabled", flag(apic.software_enabled(), "yes", "no: bit 8 of the spurious vector is clear"))
        .value("spurious vector", hex(apic.spurious))
        .value("task priority", hex(apic.task_priority))
        .value("processor priority", hex(apic.processor_priority()))
        .value("logical destination", hex(apic.logical_destination))
        .value("destination format", hex(apic.destination_format))
        .value("command", hex(apic.command))
        .value("error status", hex(apic.error_status))
        .value("requested", vectors(apic.requested))
        .value("in service", vectors(apic.in_service))
        .value("level triggered", vectors(apic.level_triggered))
        .value("timer mode", words(x86::name(timer.timer_mode())))
        .value("timer initial", number(apic.timer_initial))
        .value("timer current", number(apic.timer_current))
        .value("timer divisor", number(apic.timer_divisor()));
    std::vector<std::vector<Cell>> rows;
    for (std::size_t i = 0; i < x86::kLocalSources; ++i) {
        const auto source = static_cast<x86::LocalSource>(i);
        if (apic.has(source))
            rows.push_back(local_vector_row(source, apic.local_vector(source)));
    }
    return answer.table("local vectors",
                        {"source", "masked", "vector", "delivery", "trigger", "pending", "raw"},
                        std::move(rows));
}

Answer io_apic_answer(const x86::IoApic& chip) {
    Answer answer;
    answer.headline(fmt::format("I/O APIC {} at gpa 0x{:x}", chip.id, chip.base))
        .value("id", number(chip.id))
        .value("base", hex(chip.base))
        .value("selected register", hex(chip.selected))
        .value("requested", hex(chip.requested));
    std::vector<std::vector<Cell>> rows;
    for (std::size_t pin = 0; pin < chip.pins.size(); ++pin) {
        const x86::RedirectionEntry& entry = chip.pins[pin];
        const bool requested = (chip.requested >> pin & 1) != 0;
        rows.push_back({number(pin), mask_of(entry.masked()), vector_of(entry.vector(), entry.delivery()),
                        words(x86::name(entry.delivery())), flag(entry.logical(), "logical", "physical"),
                        hex(entry.destination()), trigger(entry.level(), entry.active_low()),
                        flag(requested, "requested", "-"), flag(entry.remote_irr(), "in service", "-"),
                        hex(entry.raw)});
    }
    return answer.table("pins",
                        {"pin", "masked", "vector", "delivery", "logical", "destination", "trigger",
                         "requested", "remote irr", "raw"},
                        std::move(rows));
}

Answer pic_answer(const x86::PicPair& chips) {
    std::vector<std::vector<Cell>> rows;
    for (const auto* chip : {&chips.first, &chips.second}) {
        rows.push_back({words(chip == &chips.first ? "first" : "second"), hex(chip->vector_base),
                        inputs(chip->requested), inputs(chip->in_service), inputs(chip->masked),
                        inputs(chip->level_triggered), number(chip->first_input),
                        flag(chip->auto_end_of_interrupt, "yes", "no"),
                        flag(chip->initialising, "not finished", "done")});
    }
    return Answer().table("8259A",
                          {"chip", "vector base", "requested", "in service", "masked", "level triggered",
                           "first input", "auto EOI", "initialising"},
                          std::move(rows));
}

Answer pit_answer(const x86::Pit& chip) {
    std::vector<std::vector<Cell>> rows;
    for (std::size_t i = 0; i < chip.channels.size(); ++i) {
        const x86::PitChannel& channel = chip.channels[i];
        const double hertz = channel.reload == 0 ? 0 : double{x86::kPitHertz} / channel.reload;
        rows.push_back({number(i),
                        words(x86::name(channel.mode)),
                        number(channel.reload),
                        {hertz, fmt::format("{:.2f}", hertz)},
                        flag(channel.gate, "open", "closed"),
                        flag(channel.bcd, "yes", "no")});
    }
    return Answer().table("8254 channels", {"channel", "mode", "reload", "hertz", "gate", "bcd"},
                          std::move(rows));
}

Answer lines_answer(const x86::PicPair& pics, const x86::IoApic& io_apic,
                    std::span<const WatchedLine> lines) {
    std::vector<std::vector<Cell>> rows;
    for (const auto& [line, device] : lines) {
        const Cell name = device.empty() ? Cell{nullptr, "-"} : words(device);
        rows.push_back({number(line), name, raised(x86::is_raised(pics, io_apic, line)),
                        pic_input(pics, line), io_apic_pin(io_apic, line)});
    }
    return Answer().table("lines", {"line", "device", "raised", "8259A", "IO APIC"}, std::move(rows));
}

}  // namespace ringside::debug
