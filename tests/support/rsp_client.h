// A small blocking client for the GDB Remote Serial Protocol, for tests and measurements.
//
// Throws std::runtime_error when the other side breaks the protocol, closes, or is silent for a minute: a
// test or a measurement cannot go on then.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace ringside::testing {

class RspClient {
  public:
    // Connects to 127.0.0.1:port and agrees on what gdb agrees on, without acknowledgements.
    explicit RspClient(std::uint16_t port);
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

    // Whether qSupported's reply had this word, such as "binary-upload+".
    bool offers(std::string_view feature) const;
    // The most bytes that a packet may have.
    std::size_t packet_size() const { return packet_size_; }

  private:
    void handshake();
    char next_byte();

    int socket_ = -1;
    std::string input_;
    std::size_t input_at_ = 0;
    std::string output_;
    std::string reply_;
    std::string features_;
    std::size_t packet_size_ = 400;  // gdb's own assumption when a stub names none
};

}  // namespace ringside::testing
