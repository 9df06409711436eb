// Ringside against QEMU and against what this machine can give: the same guest, the same client, one run.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <optional>
#include <string>
#include <vector>

#include "tests/bench/limits.h"
#include "tests/bench/report.h"
#include "tests/bench/server.h"
#include "tests/bench/workloads.h"

namespace ringside::bench {
namespace {

struct Options {
    std::filesystem::path ringside;
    std::filesystem::path guest;
    std::filesystem::path json;
    double seconds = 2;
    bool without_ringside = false;
    bool without_qemu = false;
};

struct Rates {
    std::optional<double> steps, range_steps, recorded_steps, restore, hex_reads, binary_reads, small_reads;
    std::optional<double> hardware_conditions, software_conditions, stub_conditions;
    std::optional<double> start;
    std::size_t reply_size = 4096;
    std::string trouble;  // why the rates are not all there
};

void measure(Rates& rates, const Server& server, Seconds duration) {
    testing::RspClient client(server.port());
    stop_in_loop(client);
    rates.reply_size = client.packet_size();
    rates.steps = steps(client, duration);
    rates.range_steps = range_steps(client, duration);
    rates.hex_reads = hex_reads(client, duration);
    rates.binary_reads = binary_reads(client, duration);
    rates.small_reads = small_reads(client, duration);
    if (breakpoint_works(client, '1'))
        rates.hardware_conditions = conditions_in_client(client, '1', duration);
}

Rates measure_ringside(const Options& options, Seconds duration) {
    Rates rates;
    measure(rates, Server::ringside(options.ringside, options.guest), duration);
    {
        const auto fresh = Server::ringside(options.ringside, options.guest);
        testing::RspClient client(fresh.port());
        stop_in_loop(client);
        rates.software_conditions = conditions_in_client(client, '0', duration);
        rates.stub_conditions = conditions_in_stub(client, duration);
        rates.recorded_steps = recorded_steps(client, duration);
        rates.restore = restore(client, duration);
    }
    rates.start = Server::ringside_alone(options.ringside, options.guest).until_first_serial_byte().count();
    return rates;
}

Rates measure_qemu(const Options& options, Seconds duration) {
    Rates rates;
    try {
        measure(rates, Server::qemu(options.guest), duration);
    } catch (const std::exception& error) {
        rates.trouble = error.what();  // the comparison is of use without these, too
    }
    rates.start = Server::qemu_alone(options.guest).until_first_serial_byte().count();
    return rates;
}

constexpr const char* kNoHit = "no hardware breakpoint of QEMU's stub is hit on this KVM";

// Says of rows that QEMU has in other places why they are empty here.
void explain(std::vector<Row>& rows, const Rates& qemu) {
    for (Row& row : rows) {
        const bool ever = row.name != "conditions in gdb, software bp";
        if (ever && !row.qemu)
            row.note = qemu.trouble.empty() ? kNoHit : "QEMU's stub: " + qemu.trouble;
    }
}

std::vector<Row> rows(const Rates& ringside, const Rates& qemu, double bare_steps, const Loopback& loopback) {
    return {
        {"steps from the client", "1/s", ringside.steps, qemu.steps, bare_steps},
        {"range step (vCont;r)", "insn/s", ringside.range_steps, qemu.steps, bare_steps},
        {"steps that are recorded", "insn/s", ringside.recorded_steps, {}, bare_steps},
        {"memory by m (hex)", "MiB/s", ringside.hex_reads, qemu.hex_reads, loopback.mib_per_second},
        {"memory by x (binary; QEMU: m)", "MiB/s", ringside.binary_reads, qemu.hex_reads,
         loopback.mib_per_second},
        {"reads of 8 bytes", "1/s", ringside.small_reads, qemu.small_reads, loopback.round_trips_per_second},
        {"conditions in gdb, hardware bp", "1/s", ringside.hardware_conditions, qemu.hardware_conditions, {}},
        {"conditions in gdb, software bp", "1/s", ringside.software_conditions, {}, {}},
        {"conditions in the stub", "1/s", ringside.stub_conditions, qemu.hardware_conditions, {}},
        {"restore of a snapshot", "s", ringside.restore, {}, {}, true},
        {"start to first serial byte", "s", ringside.start, qemu.start, {}, true},
    };
}

void run(const Options& options) {
    const Seconds duration(options.seconds);
    const double bare_steps = bare_kvm_steps(duration);
    Rates ringside;
    if (!options.without_ringside)
        ringside = measure_ringside(options, duration);
    Rates qemu;
    if (!options.without_qemu)
        qemu = measure_qemu(options, duration);
    auto results = rows(ringside, qemu, bare_steps, loopback_limits(ringside.reply_size, duration));
    if (!options.without_qemu)
        explain(results, qemu);
    std::cout << table(results);
    if (!options.json.empty() && !(std::ofstream(options.json) << json(results)))
        throw std::runtime_error("cannot write " + options.json.string());
}

}  // namespace
}  // namespace ringside::bench

int main(int argc, char** argv) {
    ringside::bench::Options options;
    CLI::App app("Measures Ringside against QEMU on the same guest.");
    app.add_option("--ringside", options.ringside, "the ringside program")
        ->default_val("build/release/ringside");
    app.add_option("--guest", options.guest, "the bench's guest")
        ->default_val("build/release/tests/bench/bench_guest");
    app.add_option("--seconds", options.seconds, "how long each measurement takes")->capture_default_str();
    app.add_option("--json", options.json, "write the results there, too");
    app.add_flag("--no-ringside", options.without_ringside, "leave Ringside out");
    app.add_flag("--no-qemu", options.without_qemu, "leave QEMU out");
    CLI11_PARSE(app, argc, argv);
    try {
        ringside::bench::run(options);
    } catch (const std::exception& error) {
        std::cerr << "bench: " << error.what() << '\n';
        return 1;
    }
    return 0;
}
