// Drives a Session with strings.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gdbstub/checksum.h"
#include "gdbstub/session.h"
#include "tests/unit/gdbstub/fake_target.h"

namespace ringside::gdbstub {

inline std::string framed(std::string_view payload) {
    return fmt::format("${}#{:02x}", payload, checksum(payload));
}

class SessionTest : public ::testing::Test {
  protected:
    static constexpr std::string_view kGdb =
        "qSupported:multiprocess+;swbreak+;hwbreak+;qRelocInsn+;fork-events+;vContSupported+";
    static constexpr std::string_view kOldLldb = "qSupported:xmlRegisters=i386,arm;multiprocess+";
    static constexpr std::string_view kNewLldb =
        "qSupported:xmlRegisters=i386;multiprocess+;swbreak+;hwbreak+";

    // The hooks record the errors that the client got as bare numbers, and refuse it if told to.
    void open(SessionOptions options = {}) {
        session_.emplace(
            target_bundle_, options,
            SessionHooks{.admit = [this] { return refusal_; },
                         .on_error = [this](const std::string& line) { logged_.push_back(line); },
                         .deliver = deliver_});
    }

    // A session that has met its client and needs no acknowledgements.
    void open_with(std::string_view greeting) {
        open();
        send("QStartNoAckMode");
        send(greeting);
    }

    void receive(std::string_view bytes) {
        const auto taken = session_->receive(std::as_bytes(std::span(bytes)));
        EXPECT_EQ(taken, bytes.size());
    }

    // Everything that the session wants to send.
    std::string take_output() {
        std::string text(session_->output().view());
        session_->output().clear();
        return text;
    }

    // The payloads in the output, as sent, those of notifications with their '%'; a wrong checksum fails the test.
    std::vector<std::string> take_replies() {
        std::vector<std::string> payloads;
        const std::string text = take_output();
        std::string_view rest = text;
        while (!rest.empty()) {
            if (rest.front() == '+') {
                rest.remove_prefix(1);
                continue;
            }
            const std::size_t end = rest.find('#');
            const bool notification = rest.front() == '%';
            if ((rest.front() != '$' && !notification) || end == std::string_view::npos ||
                rest.size() < end + 3) {
                ADD_FAILURE() << "not a frame: " << rest;
                break;
            }
            const std::string_view payload = rest.substr(1, end - 1);
            EXPECT_EQ(rest.substr(1, end + 2), framed(payload).substr(1));
            payloads.push_back((notification ? "%" : "") + std::string(payload));
            rest.remove_prefix(end + 3);
        }
        return payloads;
    }

    // Sends a packet; the payload of its one reply, or "(n replies)".
    std::string send(std::string_view payload) {
        receive(framed(payload));
        auto replies = take_replies();
        return replies.size() == 1 ? replies.front() : fmt::format("({} replies)", replies.size());
    }

    void stop_with(StopReason reason, std::uint32_t thread = 1, std::string console = {}) {
        target_.is_running = false;
        target_.stop = {ThreadId{thread}, reason, std::move(console)};
        session_->on_stop(target_.stop);
    }

    FakeTarget target_;
    Target target_bundle_ = target_.bundle();
    std::optional<Session> session_;
    std::string refusal_;
    std::function<void()> deliver_;
    std::vector<std::string> logged_;
};

}  // namespace ringside::gdbstub
