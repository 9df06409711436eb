// A small blocking client for the GDB Remote Serial Protocol, for tests and measurements.
//
// Throws std::runtime_error when the other side breaks the protocol, closes, or is silent for a minute
// (patience.h): a test or a measurement cannot continue then.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace ringside::testing {

class RspClient {
  public:
    // Connects to 127.0.0.1:port and agrees on what gdb agrees on, without acknowledgements.
    explicit RspClient(std::uint16_t port);
    // The same at a unix socket.
    explicit RspClient(const std::filesystem::path& path);
    RspClient(const RspClient&) = delete;
    RspClient& operator=(const RspClient&) = delete;
    ~RspClient();

    // One packet and its reply. The reply is valid until the next call. Escapes and run lengths are undone.
    std::string_view ask(std::string_view payload);
    void send(std::string_view payload);
    std::string_view receive();

    // ask(), and a complaint unless the reply is OK.
    void command(std::string_view payload);
    // ask() for something that resumes; returns the stop reply.
    std::string_view resume(std::string_view payload);
    // The next reply that is not console output.
    std::string_view receive_stop();
    // Returns true if nothing arrives for this long: for a guest that must not stop on its own.
    bool is_silent_for(std::chrono::milliseconds duration);
    // Ctrl-C: the byte that stops a running guest.
    void interrupt();

    // Returns true if qSupported's reply had this word, such as "binary-upload+".
    bool offers(std::string_view feature) const;
    // The most bytes that a packet may have.
    std::size_t packet_size() const { return packet_size_; }

  private:
    struct Connected {
        int socket;
    };
    explicit RspClient(Connected connected) : socket_(connected.socket) {}
    void handshake();
    void send_bytes(std::string_view bytes);
    void refill();
    void take_until(char end, std::string& taken);
    void decode(std::string_view payload);

    int socket_ = -1;
    std::string input_;
    std::size_t input_at_ = 0;
    std::size_t input_end_ = 0;
    std::string payload_;
    std::string output_;
    std::string reply_;
    std::string features_;
    std::size_t packet_size_ = 400;  // gdb's own assumption when a stub names none
};

}  // namespace ringside::testing
