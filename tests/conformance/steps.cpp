// Single steps over instructions that are not like others, in real, protected and long mode.

#include "tests/conformance/handler.h"
#include "tests/conformance/mismatch.h"
#include "tests/conformance/scenario.h"

namespace ringside::conformance {

namespace {

constexpr std::uint64_t kTrapFlag = 0x100;

// In real mode SS is 0, so that SP is an address in every mode.
std::uint64_t top_of_stack(Scenario& scenario) {
    return scenario.guest().read_number(scenario.word("rsp"), word_size(scenario.mode()));
}

std::string plain(Mode mode) {
    Scenario scenario(mode, "plain");
    scenario.guest().run_to("plain_site");
    for (unsigned i = 1; i <= 8; ++i) {
        const std::uint64_t before = scenario.guest().rip();
        scenario.guest().step();
        require(scenario.guest().rip() > before, "step {} did not move RIP", i);
        require_equal("AX after a step", scenario.word("rax"), i);
    }
    scenario.guest().require_at("after_plain");
    scenario.finish_with_counts();
    return {};
}

// Hardware traps after each iteration, with RIP at the instruction until the last. A KVM that emulates it may
// do all in one step; never may the bytes copied and the count disagree.
std::string rep_movsb(Mode mode) {
    constexpr unsigned kCount = 16;
    Scenario scenario(mode, "rep_movsb");
    Debuggee& guest = scenario.guest();
    guest.run_to("rep_movsb_site");
    const Bytes source = guest.read(guest.symbol("rep_source"), kCount);
    unsigned steps = 0;
    std::uint64_t left = kCount;
    while (guest.rip() == guest.symbol("rep_movsb_site")) {
        guest.step();
        ++steps;
        const std::uint64_t now = scenario.word("rcx");
        require(now < left || guest.rip() != guest.symbol("rep_movsb_site"),
                "a step did nothing: {} are left", left);
        left = now;
        const auto copied = static_cast<std::ptrdiff_t>(kCount - left);
        Bytes expected(kCount);
        std::copy(source.begin(), source.begin() + copied, expected.begin());
        require(guest.read(guest.symbol("rep_target"), kCount) == expected, "{} bytes are not copied yet",
                copied);
    }
    guest.require_at("after_rep_movsb");
    require_equal("the count at the end", left, 0);
    scenario.finish_with_counts();
    return fmt::format("{} step{}", steps, steps == 1 ? "" : "s");
}

std::string pushf(Mode mode) {
    Scenario scenario(mode, "pushf");
    scenario.guest().run_to("pushf_site");
    scenario.guest().step();
    scenario.guest().require_at("after_pushf");
    require_equal("TF in the pushed flags", top_of_stack(scenario) & kTrapFlag, 0);
    require_equal("TF in RFLAGS", scenario.guest().reg("eflags") & kTrapFlag, 0);
    scenario.finish_with_counts();
    return {};
}

std::string popf(Mode mode) {
    constexpr std::uint64_t kPopped = 0x8d7;  // guests/conformance/sites.h
    Scenario scenario(mode, "popf");
    scenario.guest().run_to("popf_site");
    scenario.guest().step();
    scenario.guest().require_at("after_popf");
    require_equal("RFLAGS", scenario.guest().reg("eflags") & (kPopped | kTrapFlag), kPopped);
    scenario.guest().step();  // PUSHF: the step continues after it
    require_equal("the flags pushed next", top_of_stack(scenario) & (kPopped | kTrapFlag), kPopped);
    scenario.finish_with_counts();
    return {};
}

// Hardware delays the trap until after the next instruction (SDM volume 3, 6.8.3).
std::string mov_ss(Mode mode) {
    Scenario scenario(mode, "mov_ss");
    Debuggee& guest = scenario.guest();
    guest.run_to("mov_ss_site");
    guest.step();
    const bool held_back = guest.rip() == guest.symbol("after_mov_ss");
    if (!held_back) {
        guest.require_at("mov_ss_shadow");
        guest.step();
        guest.require_at("after_mov_ss");
    }
    require_equal("AX", scenario.word("rax"), 1);
    scenario.finish_with_counts();
    return held_back ? "with the next instruction" : "alone";
}

std::string iret(Mode mode) {
    Scenario scenario(mode, "iret");
    scenario.guest().run_to("iret_site");
    scenario.guest().step();
    scenario.guest().require_at("after_iret");
    scenario.finish_with_counts();
    return {};
}

std::string software_interrupt(Mode mode) {
    constexpr unsigned kRealVector = 0x60, kVector = 0x80;
    Scenario scenario(mode, "int");
    scenario.guest().run_to("int_site");
    scenario.guest().step();
    std::string where =
        require_at_handler_or(scenario, mode == Mode::Real ? kRealVector : kVector, "after_int");
    scenario.finish_with_counts();
    return where;
}

// HLT ends with an interrupt, but its step ends behind it: the interrupt's handler runs when the guest goes
// on.
std::string hlt(Mode mode) {
    Scenario scenario(mode, "hlt");
    scenario.guest().run_to("hlt_site");
    scenario.guest().step();
    scenario.guest().require_at("after_hlt");
    scenario.finish_with_counts();
    return {};
}

// The timer's interrupt is pending when STI is stepped. The steps stay in the code; the interrupt comes
// later.
std::string pending(Mode mode) {
    Scenario scenario(mode, "pending");
    Debuggee& guest = scenario.guest();
    guest.run_to("pending_site");
    for (const char* next : {"pending_shadow", "after_pending"}) {
        guest.step();
        guest.require_at(next);
    }
    guest.step();
    require_equal("RIP behind the third step", guest.rip(), guest.symbol("after_pending") + 1);
    scenario.finish_with_counts();
    return {};
}

}  // namespace

void add_steps(Behaviours& all) {
    using Show = std::string (*)(Mode);
    struct Row {
        const char* name;
        Show show;
    };
    for (const Row& row :
         {Row{"plain", plain}, Row{"rep_movs", rep_movsb}, Row{"pushf", pushf}, Row{"popf", popf},
          Row{"mov_ss", mov_ss}, Row{"iret", iret}, Row{"int", software_interrupt}, Row{"hlt", hlt},
          Row{"pending_interrupt", pending}})
        for (const Mode mode : {Mode::Real, Mode::Protected, Mode::Long})
            all.push_back({"step", row.name, mode, [=] { return row.show(mode); }});
}

}  // namespace ringside::conformance
