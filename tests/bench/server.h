// The two programs that are compared, started alike: a VMM that stops a guest at its first instruction and
// serves a debugger on a loopback port, or that just runs it.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace ringside::bench {

using Clock = std::chrono::steady_clock;

// A child process, killed with its object. What it writes to standard output is the guest's serial port.
class Server {
  public:
    // `ringside run --wait --gdb=...`; it says which port it listens on.
    static Server ringside(const std::filesystem::path& program, const std::filesystem::path& kernel);
    // `qemu-system-x86_64 -accel kvm -S`, which is handed a socket that listens already.
    static Server qemu(const std::filesystem::path& kernel);
    // The same two without a debugger: the guest runs at once.
    static Server ringside_alone(const std::filesystem::path& program, const std::filesystem::path& kernel);
    static Server qemu_alone(const std::filesystem::path& kernel);

    Server(Server&&) noexcept;
    Server& operator=(Server&&) = delete;
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;
    ~Server();

    std::uint16_t port() const { return port_; }
    // Waits for the guest's first serial byte and returns how long after the program's start it came.
    std::chrono::duration<double> until_first_serial_byte();

  private:
    explicit Server(const std::vector<std::string>& command);

    pid_t pid_ = -1;
    int stdout_ = -1;
    int stderr_ = -1;
    std::uint16_t port_ = 0;
    Clock::time_point started_;
};

}  // namespace ringside::bench
