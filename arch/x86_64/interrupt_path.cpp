#include "arch/x86_64/interrupt_path.h"

#include <fmt/format.h>

#include <algorithm>

#include "arch/x86_64/exceptions.h"

namespace ringside::x86 {

namespace {

// Collects what is found at one place.
class Place {
  public:
    Place(Findings& findings, std::string name) : findings_(findings), name_(std::move(name)) {}
    void block(std::string sentence) { findings_.push_back({name_, true, std::move(sentence)}); }
    void remark(std::string sentence) { findings_.push_back({name_, false, std::move(sentence)}); }
    void block_if(bool condition, const char* sentence) {
        if (condition)
            block(sentence);
    }

  private:
    Findings& findings_;
    std::string name_;
};

Place place_of(Findings& findings, const InterruptTarget& target) {
    return {findings, fmt::format("vCPU {}", target.vcpu)};
}

// What keeps a processor from taking any maskable interrupt now.
void examine_processor(const InterruptTarget& target, Place place) {
    const PendingEvents& events = target.events;
    if (events.activity != Activity::Running && events.activity != Activity::Halted)
        place.block(fmt::format("is {}, and takes no interrupt", name(events.activity)));
    if (!target.interrupts_enabled)
        place.block(events.activity == Activity::Halted
                        ? "is halted with RFLAGS.IF clear: only an NMI, SMI or INIT wakes it"
                        : "RFLAGS.IF is clear");
    place.block_if(events.shadow_of_sti, "the instruction after STI is not interrupted");
    place.block_if(events.shadow_of_mov_ss, "the instruction after a load of SS is not interrupted");
    if (events.exception)
        place.block(fmt::format("{} is delivered first", exception_name(events.exception->vector)));
    if (events.interrupt)
        place.block(fmt::format("interrupt 0x{:x} is being delivered", *events.interrupt));
    place.block_if(events.nmi_injected || (events.nmi_pending && !events.nmi_masked),
                   "an NMI is delivered first");
    place.block_if(events.in_smm, "is in system management mode");
    place.block_if(events.triple_fault, "has had a triple fault");
}

void examine_priority(const LocalApic& apic, std::uint8_t vector, Place& place) {
    const auto serviced = highest(apic.in_service);
    if (priority_class(vector) <= priority_class(apic.task_priority))
        place.block(fmt::format("the task priority 0x{:x} holds back vectors up to 0x{:x}",
                                apic.task_priority, apic.task_priority | 0xf));
    if (serviced && priority_class(vector) <= priority_class(*serviced))
        place.block(
            fmt::format("vector 0x{:x} is in service, and holds back vectors up to 0x{:x} until its "
                        "handler writes EOI",
                        *serviced, *serviced | 0xf));
    if (const auto first = highest(apic.requested); first && *first > vector)
        place.remark(fmt::format("vector 0x{:x} is requested too, and comes first", *first));
}

void examine_local_apic(const LocalApic& apic, std::uint8_t vector, bool requested, Place& place) {
    if (apic.mode == ApicMode::Disabled || apic.mode == ApicMode::Invalid)
        return place.block("the local APIC is disabled (IA32_APIC_BASE bit 11 is clear)");
    place.block_if(!apic.software_enabled(),
                   "the local APIC is software-disabled (bit 8 of the spurious vector register is clear)");
    if (vector < 16)
        return place.block(
            fmt::format("vector 0x{:x} is below 16, which a local APIC does not accept", vector));
    if (!apic.requested[vector]) {
        if (apic.in_service[vector])
            place.block(fmt::format(
                "vector 0x{:x} is in service: it has come, and its handler has not written EOI", vector));
        else if (requested)
            place.block(fmt::format("vector 0x{:x} is not requested in the IRR", vector));
        return;
    }
    place.remark(fmt::format("vector 0x{:x} is requested in the IRR", vector));
    examine_priority(apic, vector, place);
}

// Returns true if a processor takes the 8259As' interrupts: by LINT0, or directly without a local APIC.
bool listens_to_pic(const LocalApic& apic) {
    if (apic.mode == ApicMode::Disabled)
        return true;
    const LocalVector& lint0 = apic.local_vector(LocalSource::Lint0);
    return !lint0.masked() && lint0.delivery() == DeliveryMode::ExtInt;
}

// One 8259A's input. Returns true if it is requested.
bool examine_input(const Pic& chip, unsigned input, Place& place) {
    place.block_if(chip.initialising, "its initialisation is not finished (ICW2 to ICW4)");
    const bool requested = (chip.requested >> input & 1) != 0;
    if (!requested)
        place.block(fmt::format("IR{} is not requested: the device does not raise its line", input));
    if ((chip.masked >> input & 1) != 0)
        place.block(fmt::format("IR{} is masked", input));
    const auto serviced = chip.highest_in_service();
    if (serviced && !chip.special_mask && chip.rank(*serviced) <= chip.rank(input))
        place.block(fmt::format("IR{} is in service, and holds IR{} back until its handler writes EOI",
                                *serviced, input));
    return requested;
}

void examine_destinations(const RedirectionEntry& entry, bool requested,
                          const std::vector<InterruptTarget>& targets, Findings& findings) {
    bool any = false;
    for (const InterruptTarget& target : targets) {
        if (!is_addressed(target.apic, entry.destination(), entry.logical()))
            continue;
        any = true;
        // While the pin waits itself, the message has not been sent.
        const auto there = examine_vector(target, entry.vector(), !requested);
        findings.insert(findings.end(), there.begin(), there.end());
    }
    if (!any)
        Place(findings, "I/O APIC")
            .block(fmt::format("no vCPU has the {} destination 0x{:x}",
                               entry.logical() ? "logical" : "physical", entry.destination()));
}

}  // namespace

bool is_free(const Findings& findings) {
    return std::ranges::none_of(findings, &Finding::blocks);
}

std::optional<bool> is_raised(const PicPair& pics, const IoApic& chip, unsigned line) {
    if ((chip.requested >> line & 1) != 0)
        return true;
    if (line < PicPair::kLines)
        return (pics.of_line(line).raised >> (line & 7) & 1) != 0;
    return chip.pins.at(line).level() ? std::optional(false) : std::nullopt;
}

Findings examine_vector(const InterruptTarget& target, std::uint8_t vector, bool requested) {
    Findings findings;
    Place place = place_of(findings, target);
    examine_local_apic(target.apic, vector, requested, place);
    examine_processor(target, place);
    if (!target.gates[vector])
        place.block(fmt::format("the IDT has no usable gate for vector 0x{:x}", vector));
    return findings;
}

Findings examine_pic(const PicPair& pics, unsigned line, const std::vector<InterruptTarget>& targets) {
    Findings findings;
    if (line >= PicPair::kLines)
        return {{"8259A", true, fmt::format("line {} does not lead to it", line)}};
    Place place(findings, line < 8 ? "first 8259A" : "second 8259A");
    examine_input(pics.of_line(line), line & 7, place);
    if (line >= 8) {
        Place first(findings, "first 8259A");
        const bool waits = is_free(findings);
        const Pic& chip = pics.first;
        first.block_if((chip.masked >> PicPair::kCascade & 1) != 0, "IR2, the second one's, is masked");
        if (waits && (chip.in_service >> PicPair::kCascade & 1) != 0 && !chip.special_fully_nested)
            first.block("IR2, the second one's, is in service, until a handler writes EOI here too");
    }
    bool any = false;
    const Pic& chip = pics.of_line(line);
    const auto vector = static_cast<std::uint8_t>(chip.vector_base + (line & 7));
    for (const InterruptTarget& target : targets) {
        if (!listens_to_pic(target.apic))
            continue;
        any = true;
        Place there = place_of(findings, target);
        examine_processor(target, there);
        if (!target.gates[vector])
            there.block(fmt::format("the IDT has no usable gate for vector 0x{:x}", vector));
    }
    if (!any)
        place.block("no vCPU listens: LINT0 is masked or is not in ExtINT mode on all of them");
    return findings;
}

Findings examine_io_apic(const IoApic& chip, unsigned line, const std::vector<InterruptTarget>& targets) {
    Findings findings;
    Place place(findings, "I/O APIC");
    const RedirectionEntry& entry = chip.pins.at(line);
    const bool requested = (chip.requested >> line & 1) != 0;
    if (entry.masked()) {
        place.block(fmt::format("pin {} is masked", line));
        if (!requested)
            place.remark(fmt::format("pin {} is not requested", line));
        return findings;
    }
    if (requested && !entry.level())
        place.block(
            fmt::format("pin {} got its edge while it could not deliver it: the device has to lower the line "
                        "and raise it again",
                        line));
    if (entry.level() && entry.remote_irr())
        place.remark(fmt::format("pin {} waits for the EOI of vector 0x{:x}", line, entry.vector()));
    if (entry.delivery() != DeliveryMode::Fixed && entry.delivery() != DeliveryMode::LowestPriority) {
        place.remark(fmt::format("pin {} delivers {}, not a vector", line, name(entry.delivery())));
        return findings;
    }
    examine_destinations(entry, requested, targets, findings);
    return findings;
}

}  // namespace ringside::x86
