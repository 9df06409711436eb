// The guest asks to stop: which of its ways are in force, and the one that is a port.

#include <utility>

#include <fmt/format.h>

#include "vmm/debug/target/debugger.h"

namespace ringside::debug {

Result<void> Debugger::set_guest_stops(const GuestStops& stops) {
    if (!token_)
        return failure("guest stops", "the guest is running", "Interrupt it first");
    const auto host = TRY(abilities());
    TRY(check_guest_stops(stops, host));
    put_guest_stops(stops);
    return {};
}

void Debugger::put_guest_stops(const GuestStops& stops) {
    context_->guest_stops = stops;
    for (std::uint32_t i = 0; i < machine_->vcpu_count(); ++i)
        machine_->vcpu(VcpuIndex{i}).set_stop_port(stops.port);
}

// A client has come, and the guest is stopped for it.
void Debugger::greet_client() {
    if (std::exchange(client_greeted_, true) || !options_.guest_stops.any())
        return;
    const auto done = set_guest_stops(options_.guest_stops);
    if (done)
        return;
    owner_.on_notice(done.error().message());
    owner_.on_console(done.error().message() + "\n");
}

void Debugger::on_stop_port(machine::VcpuThread& thread, std::uint64_t value) {
    report_stop(thread.index(),
                fmt::format("The guest has asked to stop ({:#x} written to the stop port).\n", value));
}

}  // namespace ringside::debug
