#include "tests/conformance/scenario.h"

#include "guests/conformance/runner.h"
#include "tests/conformance/mismatch.h"

namespace ringside::conformance {

namespace {

constexpr unsigned kPassedStatus = 33;  // guests/lib/exit.h
// The function through which the 32-bit and 64-bit kernels leave: guest::debug_exit(unsigned char).
constexpr const char* kEnd = "_ZN5guest10debug_exitEh";
// The label in the real-mode image after its last round.
constexpr const char* kRealEnd = "leave";

std::filesystem::path kernel(Mode mode) {
    switch (mode) {
        case Mode::Real:
            return guests_folder() / "conformance16.bin";
        case Mode::Protected:
            return guests_folder() / "conformance32";
        case Mode::Long:
        case Mode::User:
            break;
    }
    return guests_folder() / "conformance";
}

std::filesystem::path symbol_file(Mode mode) {
    return mode == Mode::Real ? guests_folder() / "conformance16.elf" : kernel(mode);
}

MonitorProcess::Start start(Mode mode, const std::string& name, unsigned rounds) {
    MonitorProcess::Start start{kernel(mode), {}, 1};
    if (mode != Mode::Real)  // a flat image has no command line
        start.command_line = fmt::format("test={} rounds={}", name, rounds);
    return start;
}

std::string read_text(Debuggee& guest, std::uint64_t address) {
    std::string text;
    for (std::uint64_t c = guest.read_number(address, 1); c != 0; c = guest.read_number(++address, 1))
        text += static_cast<char>(c);
    return text;
}

}  // namespace

std::size_t word_size(Mode mode) {
    return mode == Mode::Real ? 2 : mode == Mode::Protected ? 4 : 8;
}

Scenario::Scenario(Mode mode, std::string name, unsigned rounds)
    : mode_(mode),
      name_(std::move(name)),
      rounds_(rounds),
      guest_(start(mode, name_, rounds), symbol_file(mode)) {
    if (mode == Mode::Real)
        select_in_memory(rounds);
}

// The real-mode image is told in its memory, which it has as soon as it is loaded. A row of its table is the
// function, the name and one word more; the selection counts from 1.
void Scenario::select_in_memory(unsigned rounds) {
    constexpr std::uint64_t kRowBytes = 6, kName = 2;
    const std::uint64_t table = guest_.symbol("scenarios");
    for (std::uint64_t row = table; row < guest_.symbol("scenarios_end"); row += kRowBytes) {
        if (read_text(guest_, guest_.read_number(row + kName, 2)) == name_) {
            guest_.write_number(guest_.symbol("selected_test"), (row - table) / kRowBytes + 1, 2);
            guest_.write_number(guest_.symbol("rounds"), rounds, 2);
            return;
        }
    }
    throw std::runtime_error("the real-mode guest has no scenario " + name_);
}

std::uint64_t Scenario::word(const std::string& reg) {
    const Bytes bytes = guest_.register_bytes(reg);
    return to_number(std::span(bytes).first(word_size(mode_)));
}

void Scenario::finish() {
    const Stop stop = guest_.resume();
    require(stop.exited, "{} instead of the guest's end, at {}", stop.describe(),
            stop.exited ? "" : guest_.symbols().describe(guest_.rip()));
    const int status = guest_.monitor_process().wait();
    const std::string serial = guest_.monitor_process().serial();
    require(
        serial.find("not ok") == std::string::npos && serial.find("ok " + name_ + "\n") != std::string::npos,
        "the guest says:\n{}", serial);
    require_equal("the status in the stop reply", stop.code, kPassedStatus);
    require_equal("ringside's exit status", static_cast<unsigned>(status), kPassedStatus);
}

void Scenario::finish_with_counts() {
    guest_.run_to(mode_ == Mode::Real ? kRealEnd : kEnd);
    check_counts();
    finish();
}

void Scenario::check_counts() {
    if (mode_ == Mode::Real) {
        require_equal("`failures`", guest_.read_number(guest_.symbol("failures"), 2), 0);
        return;
    }
    std::uint64_t runs = 0;
    std::uint64_t failures = 0;
    for (unsigned i = 0; i < kMaximumScenarios; ++i) {
        const std::uint64_t result = guest_.symbol("results") + i * sizeof(Result);
        runs += guest_.read_number(result + offsetof(Result, runs), sizeof(Result::runs));
        failures += guest_.read_number(result + offsetof(Result, failures), sizeof(Result::failures));
    }
    require_equal("the number of runs in `results`", runs, rounds_);
    require_equal("the number of failures in `results`", failures, 0);
}

}  // namespace ringside::conformance
