// A guest and the debugger attached to it, in a debugger user's terms: symbols, registers by name,
// breakpoints, stops.
//
// Every method throws when the stub refuses (Mismatch) or falls silent (std::runtime_error).
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "tests/conformance/monitor_process.h"
#include "tests/conformance/stop.h"
#include "tests/conformance/symbols.h"
#include "tests/support/rsp_client.h"

namespace ringside::conformance {

// The digit of Z and z packets.
enum class BreakKind { Software = 0, Hardware = 1, Write = 2, Read = 3, Access = 4 };

using Bytes = std::vector<std::uint8_t>;

class Debuggee {
  public:
    // Starts the guest and attaches. `symbols` is the ELF file, which for a flat image is not what is booted.
    Debuggee(const MonitorProcess::Start& start, const std::filesystem::path& symbols);

    MonitorProcess& monitor_process() { return monitor_; }
    const Symbols& symbols() const { return symbols_; }
    std::uint64_t symbol(const std::string& name) const { return symbols_.at(name); }

    // ---- Connections
    void attach();
    // After vanish(): the stub turns clients away until it has noticed.
    void attach_again();
    void detach();
    // Closes the connection without a word.
    void vanish();

    // ---- Running
    Stop resume(std::string_view action = "vCont;c");
    Stop step(unsigned thread = 1);
    // Resumes and does not wait: stop_by_interrupt() or wait_stop() must follow.
    void start_running();
    Stop wait_stop();
    Stop stop_by_interrupt();
    // Lets the guest run on and stops it by Ctrl-C, more than once if need be, until it has changed a
    // counter.
    void run_until_it_counts(std::uint64_t counter, std::size_t size);

    // ---- Breakpoints. insert() returns the mechanism by which the VMM watches for it.
    std::string insert(BreakKind kind, std::uint64_t address, unsigned size = 1);
    void remove(BreakKind kind, std::uint64_t address, unsigned size = 1);
    // Runs to the symbol `name` with a software breakpoint, which is removed afterwards. Returns the mechanism.
    std::string run_to(const std::string& name);

    // ---- Registers of the selected thread
    void select(unsigned thread);
    bool has_register(const std::string& name) const { return registers_.contains(name); }
    Bytes register_bytes(const std::string& name);
    std::uint64_t reg(const std::string& name);
    void set_register_bytes(const std::string& name, std::span<const std::uint8_t> value);
    void set_reg(const std::string& name, std::uint64_t value);
    std::uint64_t rip() { return reg("rip"); }
    // Throws unless the selected thread is at the symbol.
    void require_at(const std::string& name);

    // ---- Memory, by virtual address
    Bytes read(std::uint64_t address, std::size_t size);
    void write(std::uint64_t address, std::span<const std::uint8_t> bytes);
    // Little-endian numbers of 1 to 8 bytes.
    std::uint64_t read_number(std::uint64_t address, std::size_t size);
    void write_number(std::uint64_t address, std::uint64_t value, std::size_t size);

    // ---- Questions
    std::vector<unsigned> threads();
    std::string thread_state(unsigned thread);
    std::string monitor(std::string_view command);
    // Any packet, and its reply; command() is for those that are answered by OK.
    std::string ask(std::string_view packet) { return std::string(client_->ask(packet)); }
    void command(std::string_view packet);

  private:
    struct Register {
        unsigned number = 0;
        std::size_t size = 0;
    };
    void learn_registers();
    const Register& find(const std::string& name) const;

    Symbols symbols_;
    MonitorProcess monitor_;
    std::unique_ptr<testing::RspClient> client_;
    std::map<std::string, Register> registers_;
};

// ---- Numbers and bytes
std::uint64_t to_number(std::span<const std::uint8_t> bytes);
Bytes to_bytes(std::uint64_t value, std::size_t size);

}  // namespace ringside::conformance
