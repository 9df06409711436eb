// General registers, flags and segments: what the debugger writes is what the guest finds, and the reverse.

#include <array>

#include "tests/conformance/mismatch.h"
#include "tests/conformance/survival.h"

namespace ringside::conformance {

namespace {

// In the order of the guest's registers_seen (guests/conformance/sites.h).
constexpr std::array kGeneral{"rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "r8",
                              "r9",  "r10", "r11", "r12", "r13", "r14", "r15"};

// At registers_site every general register holds a pattern of its own; behind it the guest stores what it
// finds.
std::string general(Mode mode) {
    const std::size_t word = word_size(mode);
    const std::uint64_t pattern = mode == Mode::Long ? 0xa0a0a0a0a0a0a001 : 0xa0a0a001;
    const unsigned count = mode == Mode::Long ? 15 : 7;
    Scenario scenario(mode, "registers");
    Debuggee& guest = scenario.guest();
    guest.run_to("registers_site");
    for (unsigned i = 0; i < count; ++i)
        require_equal(kGeneral[i], guest.reg(kGeneral[i]), pattern + i);
    for (unsigned i = 0; i < count; ++i)
        guest.set_reg(kGeneral[i], pattern + (i + 1) % count);
    guest.step();
    guest.require_at("after_registers");
    for (unsigned i = 0; i < count; ++i)
        guest.step();
    const std::uint64_t seen = guest.symbol("registers_seen");
    for (unsigned i = 0; i < count; ++i)
        require_equal(fmt::format("the guest's {}", kGeneral[i]), guest.read_number(seen + i * word, word),
                      pattern + (i + 1) % count);
    for (unsigned i = 0; i < count; ++i)  // what the guest expects to find
        guest.write_number(seen + i * word, pattern + i, word);
    scenario.finish_with_counts();
    return {};
}

// The real-mode guest has no such scenario: AX, which it adds up, and the others at a place where it does not
// care.
std::string general_real() {
    Scenario scenario(Mode::Real, "break");
    Debuggee& guest = scenario.guest();
    guest.run_to("break_site");
    guest.set_reg("rax", 0x1234);
    guest.set_reg("rcx", 0x55aa);
    guest.step();
    require_equal("AX behind an addition", guest.reg("rax"), 0x1236);
    require_equal("CX", guest.reg("rcx"), 0x55aa);
    guest.set_reg("rax", 3);
    scenario.finish_with_counts();
    return {};
}

// RIP: the guest skips an instruction, and the debugger does its work.
std::string instruction_pointer(Mode mode) {
    Scenario scenario(mode, "break");
    Debuggee& guest = scenario.guest();
    guest.run_to("break_site");
    guest.set_reg("rip", guest.symbol("after_break"));
    guest.require_at("after_break");
    guest.set_reg("rax", 3);
    scenario.finish_with_counts();
    return {};
}

// Flags that the next instruction but one must see: the step is over INC, which leaves CF alone.
std::string flags(Mode mode) {
    constexpr std::uint64_t kCarry = 1;
    Scenario scenario(mode, "plain");
    Debuggee& guest = scenario.guest();
    guest.run_to("plain_site");
    guest.set_reg("eflags", guest.reg("eflags") ^ kCarry);
    const std::uint64_t expected = guest.reg("eflags") & kCarry;
    guest.step();
    require_equal("CF behind an INC", guest.reg("eflags") & kCarry, expected);
    scenario.finish_with_counts();
    return {};
}

// All registers of the g packet at once.
std::string all_at_once(Mode mode) {
    Scenario scenario(mode, "plain");
    Debuggee& guest = scenario.guest();
    guest.run_to("plain_site");
    const std::string before = guest.ask("g");
    guest.set_reg("rcx", guest.reg("rcx") ^ 0xff);
    const std::string changed = guest.ask("g");
    require(changed != before && changed.size() == before.size(), "g does not show a changed register");
    guest.command("G" + before);
    require(guest.ask("g") == before, "g differs from what G has written");
    scenario.finish_with_counts();
    return {};
}

// Not the segments in use: real mode's FS and GS, 32-bit mode's FS and GS with the kernel's data selector,
// and the bases that 64-bit mode has left.
std::string segments(Mode mode) {
    constexpr std::uint64_t kKernelData = 0x10;
    if (mode == Mode::Long)  // a selector brings its segment's base, so that comes first
        require_survival(mode, std::vector<Written>{{"fs", to_bytes(kKernelData, 4)},
                                                    {"fs_base", to_bytes(0x123456789000, 8)},
                                                    {"gs_base", to_bytes(0xffff888012345678, 8)}});
    else if (mode == Mode::Protected)
        require_survival(mode, std::vector<Written>{{"fs", to_bytes(kKernelData, 4)},
                                                    {"fs_base", to_bytes(0x00345000, 8)},
                                                    {"gs_base", to_bytes(0xfff00000, 8)}});
    else
        require_survival(mode, std::vector<Written>{{"fs", to_bytes(0x1234, 4)},
                                                    {"fs_base", to_bytes(0x12340, 8)},
                                                    {"gs", to_bytes(0xb800, 4)},
                                                    {"gs_base", to_bytes(0xb8000, 8)}});
    return {};
}

}  // namespace

void add_registers(Behaviours& all) {
    all.push_back({"registers", "general", Mode::Real, general_real});
    for (const Mode mode : {Mode::Protected, Mode::Long})
        all.push_back({"registers", "general", mode, [=] { return general(mode); }});
    using Show = std::string (*)(Mode);
    struct Row {
        const char* name;
        Show show;
    };
    for (const Row& row : {Row{"instruction_pointer", instruction_pointer}, Row{"flags", flags},
                           Row{"all_at_once", all_at_once}, Row{"segment", segments}})
        for (const Mode mode : {Mode::Real, Mode::Protected, Mode::Long})
            all.push_back({"registers", row.name, mode, [=] { return row.show(mode); }});
}

}  // namespace ringside::conformance
