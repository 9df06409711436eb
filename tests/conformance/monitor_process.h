// One `ringside run`: a child process whose guest waits for a debugger at a unix socket.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <vector>

namespace ringside::conformance {

// Where the programs under test are: build/<preset>/ringside and build/<preset>/guests, of the build that
// this program is in. The environment can point elsewhere: RINGSIDE, RINGSIDE_GUESTS.
std::filesystem::path ringside_program();
std::filesystem::path guests_folder();

class MonitorProcess {
  public:
    struct Start {
        std::filesystem::path kernel;
        std::string command_line;
        unsigned cpus = 1;
        std::vector<std::string> options = {};  // of `ringside run`, besides
    };

    // Starts the program and waits until it listens. Throws std::runtime_error if it does not.
    explicit MonitorProcess(const Start& start);
    // Kills it if it still runs.
    ~MonitorProcess();
    MonitorProcess(const MonitorProcess&) = delete;
    MonitorProcess& operator=(const MonitorProcess&) = delete;

    std::filesystem::path socket() const { return folder_ / "gdb"; }
    // What the guest has written to its serial port so far.
    std::string serial() const;
    // Waits for the program's own end and returns its exit status. Throws if it does not end in time.
    int wait();
    // What it has said on standard error, for a failure's report.
    std::string log();

  private:
    void spawn(const Start& start);
    void wait_until_it_listens();
    bool read_log();

    std::filesystem::path folder_;
    pid_t pid_ = -1;
    int stderr_ = -1;
    std::string log_;
};

}  // namespace ringside::conformance
