// The list: every behaviour that a debugger's user relies on, each a function that shows it on a real guest.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace ringside::conformance {

// The state of the CPU in which a behaviour is tested, which also selects the guest kernel.
enum class Mode { Real, Protected, Long, User };

// "real", "protected", "long", "cpl3"
std::string_view name(Mode mode);

struct Behaviour {
    std::string group;  // "breakpoint"
    std::string name;   // "software"
    Mode mode = Mode::Long;
    // Throws Mismatch (or std::runtime_error) if the behaviour is not as it should be. Returns by which
    // mechanism it came about, for the matrix; empty where there is only one way.
    std::function<std::string()> show;

    // As in the list of what is impossible, the JSON and GoogleTest's filter: "breakpoint.software/real".
    std::string id() const;
};

using Behaviours = std::vector<Behaviour>;

void add_doctor(Behaviours&);
void add_breakpoints(Behaviours&);
void add_watchpoints(Behaviours&);
void add_steps(Behaviours&);
void add_privilege_steps(Behaviours&);
void add_own_debugging(Behaviours&);
void add_stops(Behaviours&);
void add_processors(Behaviours&);
void add_registers(Behaviours&);
void add_vector_registers(Behaviours&);
void add_system_registers(Behaviours&);
void add_attaching(Behaviours&);
void add_ends(Behaviours&);

// All of the above.
Behaviours all_behaviours();

}  // namespace ringside::conformance
