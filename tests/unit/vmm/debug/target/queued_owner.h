// The program that owns a debugger, as a test is it.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/support/patience.h"
#include "vmm/debug/target/debugger.h"

namespace ringside::debug {

// A host that can do everything with int3s, slots and single-steps.
inline HostAbilities a_host() {
    HostAbilities abilities;
    abilities.int3_real = abilities.int3_protected = abilities.int3_long = abilities.int3_user =
        Int3::DebugExit;
    abilities.execute_slots = abilities.execute_slots_user = abilities.data_slots = true;
    abilities.step_real = abilities.step_long = abilities.step_user = abilities.step_blocks_interrupts = true;
    return abilities;
}

// The server's thread is the test's: it takes what was posted when it waits for a stop.
class QueuedOwner final : public DebuggerOwner {
  public:
    void post(std::function<void()> work) override {
        const std::lock_guard lock(mutex_);
        posted_.push_back(std::move(work));
        ++crossings;
        changed_.notify_all();
    }
    void describe(gdbstub::StopEvent& stop) override { stop.console += description; }
    void on_stop(const gdbstub::StopEvent& stop) override { stops.push_back(stop); }
    void on_quit() override { ++quits; }
    void on_ended_and_left() override { ++left_an_ended_one; }
    void on_client_gone() override { ++gone; }
    void on_unattended_fatal(machine::FatalExit cause, const std::string&) override { unattended = cause; }
    void on_panic(bool) override {}
    void on_guest_end(const machine::GuestEnd& how) override { ends.push_back(how.source); }
    void on_console(const std::string& text) override { console += text; }
    Result<void> prepare_restart(const std::optional<gdbstub::Restart::Wanted>&) override {
        return restarts ? Result<void>{} : failure("load kernel", "the file is empty");
    }
    void restart(const machine::StopToken& token) override { restarts(token); }
    bool files_changed() const override { return changed_files; }
    void on_restart_failed(const std::string& why) override { failures.push_back(why); }

    void run_one() {
        std::unique_lock lock(mutex_);
        if (!changed_.wait_for(lock, patience_, [this] { return !posted_.empty(); }))
            throw std::runtime_error("nothing was posted to the server's thread");
        const auto work = std::move(posted_.front());
        posted_.pop_front();
        lock.unlock();
        work();
    }

    std::vector<gdbstub::StopEvent> stops;
    std::vector<std::string> ends;
    std::optional<machine::FatalExit> unattended;
    std::function<void(const machine::StopToken&)> restarts;  // empty: the machine cannot restart
    bool changed_files = false;
    std::vector<std::string> failures;
    std::string description;  // of every stop
    std::string console;
    int quits = 0, left_an_ended_one = 0, gone = 0, crossings = 0;

  private:
    const std::chrono::milliseconds patience_ = ringside::testing::patience(std::chrono::seconds(10));
    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<std::function<void()>> posted_;
};

}  // namespace ringside::debug
