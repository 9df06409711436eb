// Single steps at CPL 3, and over what leads there and back, in long mode.

#include "tests/conformance/handler.h"
#include "tests/conformance/mismatch.h"
#include "tests/conformance/scenario.h"

namespace ringside::conformance {

namespace {

constexpr std::uint64_t kTrapFlag = 0x100;

void require_privilege(Debuggee& guest, unsigned level) {
    require_equal("the privilege level", guest.reg("cs") & 3, level);
}

std::string plain() {
    Scenario scenario(Mode::User, "user_break");
    scenario.guest().run_to("user_break_code");
    for (const char* next : {"user_break_site", "after_user_break"}) {
        scenario.guest().step();
        scenario.guest().require_at(next);
        require_privilege(scenario.guest(), 3);
    }
    scenario.finish_with_counts();
    return {};
}

std::string software_interrupt() {
    Scenario scenario(Mode::User, "user_int");
    scenario.guest().run_to("user_int_site");
    scenario.guest().step();
    std::string where = require_at_handler_or(scenario, 0x80, "after_user_int");
    scenario.finish_with_counts();
    return where;
}

// SYSCALL leaves RFLAGS in R11: the debugger's TF must not be there.
std::string syscall() {
    Scenario scenario(Mode::User, "user_syscall");
    Debuggee& guest = scenario.guest();
    guest.run_to("syscall_site");
    guest.step();
    guest.require_at("syscall_entry");
    require_privilege(guest, 0);
    require_equal("RCX", guest.reg("rcx"), guest.symbol("after_syscall"));
    require_equal("TF in R11", guest.reg("r11") & kTrapFlag, 0);
    scenario.finish_with_counts();
    return {};
}

std::string sysret() {
    Scenario scenario(Mode::Long, "user_syscall");
    scenario.guest().run_to("sysret_site");
    scenario.guest().step();
    scenario.guest().require_at("after_syscall");
    require_privilege(scenario.guest(), 3);
    scenario.finish_with_counts();
    return {};
}

std::string iret_to_user() {
    Scenario scenario(Mode::Long, "user_break");
    scenario.guest().run_to("enter_user_site");
    scenario.guest().step();
    scenario.guest().require_at("user_break_code");
    require_privilege(scenario.guest(), 3);
    scenario.finish_with_counts();
    return {};
}

}  // namespace

void add_privilege_steps(Behaviours& all) {
    all.push_back({"step", "plain", Mode::User, plain});
    all.push_back({"step", "int", Mode::User, software_interrupt});
    all.push_back({"step", "syscall", Mode::User, syscall});
    all.push_back({"step", "sysret", Mode::Long, sysret});
    all.push_back({"step", "iret_to_cpl3", Mode::Long, iret_to_user});
}

}  // namespace ringside::conformance
