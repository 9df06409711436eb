#include "vmm/cli/top.h"

#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <optional>

#include <fmt/format.h>
#include <asio/io_context.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <asio/signal_set.hpp>
#include <asio/steady_timer.hpp>

#include "vmm/cli/control_client.h"
#include "vmm/cli/exit_rates.h"
#include "vmm/cli/exit_status.h"
#include "vmm/cli/screen.h"

namespace ringside::cli {

namespace {

constexpr const char* kCounters = "exits counters";
constexpr std::size_t kRowsOnTerminal = 8, kRowsInBatch = 1000;
constexpr const char* kWaiting = "The first numbers appear after one interval.\n";

class Top {
  public:
    explicit Top(const TopOptions& options)
        : options_(options), batch_(options.batch || ::isatty(STDOUT_FILENO) == 0) {}

    int run() {
        auto first = ask_machine(options_.path, kCounters);
        if (!first)
            return report(first.error());
        before_ = std::move(first->text);
        if (!batch_)
            take_terminal();
        await_look();
        await_signal();
        io_.run();
        if (screen_ && screen_->has_keys())
            keys_.release();  // stdin stays open
        screen_.reset();
        if (!error_.empty())
            fmt::print(stderr, "ringside: {}\n", error_);
        return status_;
    }

  private:
    static int report(const Error& error) {
        fmt::print(stderr, "ringside: {}\n", error.message());
        return kFailure;
    }
    // Behind the screen's end, so that the message stays.
    void fail(const Error& error) {
        error_ = error.message();
        end(kFailure);
    }
    void end(int status) {
        status_ = status;
        io_.stop();
    }

    void take_terminal() {
        screen_.emplace();
        if (screen_->has_keys()) {
            keys_.assign(STDIN_FILENO);
            await_key();
        }
        window_.add(SIGWINCH);
        await_window();
        draw();
    }
    void draw() {
        if (!screen_->show(tables_))
            end(kSuccess);
    }

    void await_look() {
        timer_.expires_after(std::chrono::duration_cast<std::chrono::steady_clock::duration>(
            std::chrono::duration<double>(options_.interval)));
        timer_.async_wait([this](std::error_code error) {
            if (!error)
                look();
        });
    }
    void look() {
        auto now = ask_machine(options_.path, kCounters);
        if (!now)
            return shown_ == 0 ? fail(now.error()) : end(kSuccess);  // the machine has ended
        const auto rates = exit_rates(before_, now->text, batch_ ? kRowsInBatch : kRowsOnTerminal);
        if (!rates)
            return fail(rates.error());
        show(*rates);
        before_ = std::move(now->text);
        ++shown_;
        if (options_.count != 0 && shown_ == options_.count)
            return end(status_);
        await_look();
    }
    void show(const std::vector<ExitRate>& rates) {
        if (screen_) {
            tables_ = rate_tables(rates);
            return draw();
        }
        fmt::print("{}{}", shown_ == 0 ? "" : "\n", rate_lines(rates));
        if (std::fflush(stdout) != 0)
            end(kSuccess);  // the reader has left
    }

    void await_signal() {
        for (const int signal : {SIGINT, SIGTERM, SIGHUP})
            signals_.add(signal);
        signals_.async_wait([this](std::error_code error, int signal) {
            if (!error)
                end(128 + signal);
        });
    }
    void await_window() {
        window_.async_wait([this](std::error_code error, int) {
            if (error)
                return;
            draw();
            await_window();
        });
    }
    void await_key() {
        keys_.async_wait(asio::posix::stream_descriptor::wait_read, [this](std::error_code error) {
            char key = 0;
            if (error || ::read(STDIN_FILENO, &key, 1) != 1)
                return;  // no more keys
            if (key == 'q')
                return end(kSuccess);
            await_key();
        });
    }

    const TopOptions& options_;
    const bool batch_;
    asio::io_context io_;
    asio::steady_timer timer_{io_};
    asio::signal_set signals_{io_}, window_{io_};
    asio::posix::stream_descriptor keys_{io_};
    std::optional<Screen> screen_;
    std::string before_;
    std::string tables_ = kWaiting;
    std::string error_;
    std::uint64_t shown_ = 0;
    int status_ = kSuccess;
};

}  // namespace

int top(const TopOptions& options) {
    return Top(options).run();
}

}  // namespace ringside::cli
