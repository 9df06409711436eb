// Data watchpoints: Z2 (write) and Z4 (access) on 1, 2, 4 and 8 bytes. They stop after the instruction.

#include "tests/conformance/mismatch.h"
#include "tests/conformance/scenario.h"

namespace ringside::conformance {

namespace {

struct Kind {
    BreakKind kind;
    const char* name;
    const char* reason;       // in the stop reply
    const char* instruction;  // the labels are `write8` and `after_write8`
};

constexpr Kind kWrite{BreakKind::Write, "write", "watch", "write"};
constexpr Kind kAccess{BreakKind::Access, "access", "awatch", "read"};

// What the guest writes (guests/conformance/sites.h), by the number of bytes.
std::uint64_t written(unsigned size) {
    return size == 1 ? 0x11 : size == 2 ? 0x2222 : size == 4 ? 0x44444444 : 0x8888888888888888;
}

std::string watchpoint(Mode mode, const Kind& kind, unsigned size) {
    Scenario scenario(mode, "watch");
    Debuggee& guest = scenario.guest();
    const std::string instruction = fmt::format("{}{}", kind.instruction, size * 8);
    const std::uint64_t data = guest.symbol(fmt::format("watch{}", size * 8));
    guest.run_to(instruction);
    std::string mechanism = guest.insert(kind.kind, data, size);
    const Stop stop = guest.resume();
    require(stop.code == kSignalTrap && stop.reason == kind.reason, "{} instead of a hit", stop.describe());
    require_equal("the address in the stop reply", stop.address, data);
    guest.require_at("after_" + instruction);
    require_equal("the watched data", guest.read_number(data, size), written(size));
    guest.remove(kind.kind, data, size);
    scenario.finish_with_counts();
    return mechanism;
}

// Write watchpoints do not stop at reads, nor at writes next to them.
std::string silent_watchpoints(Mode mode) {
    Scenario scenario(mode, "watch");
    Debuggee& guest = scenario.guest();
    guest.run_to("write16");
    const std::uint64_t behind = guest.symbol("watch16") + 2;
    std::string mechanism = guest.insert(BreakKind::Write, behind, 2);
    guest.run_to("read8");
    guest.insert(BreakKind::Write, guest.symbol("watch8"), 1);
    guest.insert(BreakKind::Write, guest.symbol("watch16"), 2);
    guest.insert(BreakKind::Write, guest.symbol("watch32"), 4);
    scenario.finish();
    return mechanism;
}

}  // namespace

void add_watchpoints(Behaviours& all) {
    for (const Kind& kind : {kWrite, kAccess})
        for (const unsigned size : {1u, 2u, 4u, 8u})
            for (const Mode mode : {Mode::Real, Mode::Protected, Mode::Long})
                if (size < 8 || mode == Mode::Long)
                    all.push_back({"watchpoint", fmt::format("{}_{}", kind.name, size), mode,
                                   [=] { return watchpoint(mode, kind, size); }});
    for (const Mode mode : {Mode::Real, Mode::Protected, Mode::Long})
        all.push_back({"watchpoint", "silent", mode, [=] { return silent_watchpoints(mode); }});
}

}  // namespace ringside::conformance
