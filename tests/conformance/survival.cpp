#include "tests/conformance/survival.h"

#include "tests/conformance/mismatch.h"

namespace ringside::conformance {

namespace {

std::string to_text(const Bytes& bytes) {
    std::string text;
    for (const auto byte : bytes)
        text += fmt::format("{:02x}", byte);
    return text;
}

void require_all(Debuggee& guest, const std::vector<Written>& registers, const char* when) {
    for (const Written& written : registers) {
        const Bytes found = guest.register_bytes(written.name);
        require(found == written.value, "{} is {} {}, not {} (low byte first)", written.name, to_text(found),
                when, to_text(written.value));
    }
}

void survive(Scenario& scenario, const std::vector<Written>& registers) {
    Debuggee& guest = scenario.guest();
    std::vector<Written> before;
    before.reserve(registers.size());
    for (const Written& written : registers)
        before.push_back({written.name, guest.register_bytes(written.name)});
    for (const Written& written : registers)
        guest.set_register_bytes(written.name, written.value);
    require_all(guest, registers, "after it was written");
    guest.step();
    require_all(guest, registers, "after the guest ran on");
    for (const Written& written : before)
        guest.set_register_bytes(written.name, written.value);
    require_all(guest, before, "after it was restored");
    scenario.finish_with_counts();
}

}  // namespace

void require_survival(Mode mode, const std::vector<Written>& registers) {
    Scenario scenario(mode, "plain");
    scenario.guest().run_to("plain_site");
    survive(scenario, registers);
}

void require_survival(Mode mode, const std::vector<Flipped>& registers) {
    Scenario scenario(mode, "plain");
    scenario.guest().run_to("plain_site");
    std::vector<Written> written;
    for (const auto& [name, bits] : registers) {
        const std::size_t size = scenario.guest().register_bytes(name).size();
        written.push_back({name, to_bytes(scenario.guest().reg(name) ^ bits, size)});
    }
    survive(scenario, written);
}

}  // namespace ringside::conformance
