#include "vmm/debug/monitor/act_commands.h"

#include <fmt/format.h>

#include "arch/x86_64/exceptions.h"
#include "arch/x86_64/io_apic.h"
#include "vmm/debug/guest/inject.h"
#include "vmm/debug/monitor/arguments.h"
#include "vmm/debug/run_control/thread_ids.h"

namespace ringside::debug {

namespace {

std::string at_the_next_entry(std::string_view what, VcpuIndex vcpu) {
    return fmt::format("{} is delivered at vCPU {}'s next entry.\n", what, vcpu.value);
}

Result<std::string> nmi(Debugger& debugger, const Arguments& arguments) {
    TRY(inject_nmi(debugger.machine().vcpu(arguments.vcpu)));
    return at_the_next_entry("An NMI", arguments.vcpu);
}

Result<std::string> inject_irq(Debugger& debugger, const Arguments& arguments) {
    const auto line = arguments.words.empty() ? std::nullopt : parse_number(arguments.words[0]);
    if (!line || *line >= x86::kIoApicPins)
        return failure("inject irq", fmt::format("it needs a line from 0 to {}", x86::kIoApicPins - 1));
    TRY(pulse_line(debugger.machine(), Gsi{static_cast<std::uint32_t>(*line)}));
    return fmt::format("Line {} was raised and lowered.\n", *line);
}

// NMI and the vectors without an exception cannot be injected as one.
Result<std::uint8_t> exception_vector(const Arguments& arguments) {
    const auto vector = arguments.words.empty() ? std::nullopt : parse_number(arguments.words[0]);
    constexpr std::uint64_t kFirstInterrupt = 32;
    if (!vector || *vector >= kFirstInterrupt || *vector == number(x86::ExceptionVector::Nmi) ||
        !x86::exception_name(static_cast<std::uint8_t>(*vector)).starts_with('#'))
        return failure("inject exception", "it needs the vector of an exception, such as 13 for #GP");
    return static_cast<std::uint8_t>(*vector);
}

// The error code that is given, which has to be there exactly if the exception pushes one.
Result<std::optional<std::uint32_t>> error_code(const Arguments& arguments, std::uint8_t vector) {
    const bool given = arguments.words.size() > 1, wanted = x86::has_error_code(vector);
    if (given != wanted)
        return failure("inject exception", fmt::format("{} {} an error code", x86::exception_name(vector),
                                                       given ? "does not push" : "pushes"));
    if (!given)
        return std::nullopt;
    const std::uint64_t code = parse_number(arguments.words[1]).value_or(~std::uint64_t{0});
    if (code > 0xffffffff)
        return failure("inject exception", fmt::format("\"{}\" is not an error code", arguments.words[1]));
    return static_cast<std::uint32_t>(code);
}

Result<std::string> inject_exception_command(Debugger& debugger, const Arguments& arguments) {
    auto vector = TRY(exception_vector(arguments));
    auto code = TRY(error_code(arguments, vector));
    TRY(inject_exception(debugger.machine().vcpu(arguments.vcpu), vector, code));
    return at_the_next_entry(x86::exception_name(vector), arguments.vcpu);
}

// ---- The run

Result<std::string> stop(Debugger& debugger) {
    gdbstub::Execution& execution = debugger.target().execution;
    if (!execution.running())
        return std::string("The guest is stopped.\n");
    execution.interrupt();
    return std::string("The guest is being stopped.\n");
}

Result<std::string> cont(Debugger& debugger) {
    if (debugger.client_attached())
        return failure("cont", "a debugger is attached, and decides when the guest runs",
                       "Use its own command");
    if (debugger.target().execution.running())
        return std::string("The guest runs.\n");
    std::vector<gdbstub::ThreadResume> all;
    for (std::uint32_t i = 0; i < debugger.machine().vcpu_count(); ++i)
        all.push_back({thread_of(VcpuIndex{i}), gdbstub::Continue{}});
    if (const auto done = debugger.target().execution.resume(all); !done)
        return failure("cont", done.error().message);
    return std::string("The guest runs.\n");
}

Result<std::string> system_reset(Debugger& debugger) {
    const bool runs = debugger.target().execution.running();
    TRY(debugger.restart());
    if (runs)
        return std::string("The machine restarts, and runs.\n");
    return std::string(
        "The machine has restarted, and is stopped at its first instruction.\n"
        "gdb keeps the old registers until the guest runs: type `maintenance flush register-cache`.\n");
}

std::string power_button_words(bool interrupts, bool runs) {
    std::string text = "The power button has been pressed";
    if (!interrupts)
        return text +
               ", but the guest has not enabled its event (PWRBTN_EN in ACPI's PM1 enable register), so no "
               "interrupt comes.\nA kernel without ACPI, or without a driver for the button, does not see "
               "it.\n";
    text += runs ? ". " : ", which the guest sees when it runs. ";
    return text + "It has ACPI's interrupt; what it does is its own decision.\n";
}

Result<std::string> serial_break(const SerialLine& line, const Arguments& arguments) {
    const std::string_view key = arguments.words.empty() ? "" : arguments.words.front();
    if (key.size() > 1)
        return failure("serial break", fmt::format("\"{}\" is not a single key", key));
    if (!line.send_break())
        return failure("serial break", "the guest has not read earlier input yet");
    if (!key.empty() && !line.send_character(key.front()))
        return failure("serial break", "a break has been sent, but the guest has no room for the key yet",
                       "Type the key at the guest's serial console");
    return std::string(key.empty() ? "A break has been sent to the guest's serial line.\n"
                                   : "A break and the key have been sent to the guest's serial line.\n");
}

}  // namespace

void add_serial_command(MonitorRegistry& registry, Debugger& debugger, SerialLine line) {
    add_text(registry, debugger,
             {"serial break", "[KEY]", "sends a break to the guest's serial line, and the key of a SysRq", 1,
              [line = std::move(line)](const Arguments& arguments) { return serial_break(line, arguments); }},
             Subject::Machine);
}

void add_power_button_command(MonitorRegistry& registry, Debugger& debugger, std::function<bool()> press) {
    add_text(registry, debugger,
             {"system_powerdown", "",
              "presses the ACPI power button: a guest that handles it shuts itself down", 0,
              [&debugger, press = std::move(press)](const Arguments&) -> Result<std::string> {
                  return power_button_words(press(), debugger.target().execution.running());
              }},
             Subject::Machine);
}

void add_act_commands(MonitorRegistry& registry, Debugger& debugger) {
    const auto add = [&](std::string name, std::string arguments, std::string help, std::size_t most_words,
                         auto run, Subject subject = Subject::Vcpu) {
        add_text(registry, debugger,
                 {std::move(name), std::move(arguments), std::move(help), most_words, std::move(run)},
                 subject);
    };
    add("nmi", "", "injects a non-maskable interrupt into a vCPU", 0,
        [&](const Arguments& arguments) { return nmi(debugger, arguments); });
    add("inject irq", "LINE", "raises an interrupt line and lowers it again", 1,
        [&](const Arguments& arguments) { return inject_irq(debugger, arguments); });
    add("inject exception", "VECTOR [ERROR-CODE]", "injects an exception into a vCPU", 2,
        [&](const Arguments& arguments) { return inject_exception_command(debugger, arguments); });
    add(
        "stop", "", "stops the guest", 0, [&](const Arguments&) { return stop(debugger); }, Subject::Machine);
    add(
        "cont", "", "resumes the guest, if no debugger is attached", 0,
        [&](const Arguments&) { return cont(debugger); }, Subject::Machine);
    add(
        "system_reset", "", "restarts the machine, and loads the kernel file again", 0,
        [&](const Arguments&) { return system_reset(debugger); }, Subject::Machine);
}

}  // namespace ringside::debug
