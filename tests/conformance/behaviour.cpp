#include "tests/conformance/behaviour.h"

namespace ringside::conformance {

std::string_view name(Mode mode) {
    switch (mode) {
        case Mode::Real:
            return "real";
        case Mode::Protected:
            return "protected";
        case Mode::Long:
            return "long";
        case Mode::User:
            break;
    }
    return "cpl3";
}

std::string Behaviour::id() const {
    return group + "." + name + "/" + std::string(conformance::name(mode));
}

Behaviours all_behaviours() {
    Behaviours all;
    for (const auto add : {add_doctor, add_breakpoints, add_watchpoints, add_steps, add_privilege_steps,
                           add_own_debugging, add_stops, add_processors, add_registers, add_vector_registers,
                           add_system_registers, add_attaching, add_ends})
        add(all);
    return all;
}

}  // namespace ringside::conformance
