// Carries a guest's characters between its serial line, or its virtio console, and a descriptor of the host.
//
// Output is buffered, so that a vCPU never waits for a terminal; a writer thread of its own passes it on in
// as large pieces as come together. Input is read on the io_context's thread.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <thread>
#include <vector>

#include <asio/io_context.hpp>
#include <asio/posix/stream_descriptor.hpp>

#include "vmm/devices/character_receiver.h"
#include "vmm/devices/character_sink.h"
#include "vmm/devices/console_endpoint.h"

namespace ringside::devices {

class Console final : public CharacterSink {
  public:
    explicit Console(ConsoleDescriptors descriptors);
    // Writes what is still buffered, unless the other side takes nothing any more.
    ~Console() override;
    Console(const Console&) = delete;
    Console& operator=(const Console&) = delete;

    // From any thread. What exceeds the buffer while nobody reads the other end is lost, as on a real line.
    void write(std::span<const std::byte> data) override;

    // Starts to feed the receiver with input; on the io_context's thread. A terminal is put into raw mode,
    // and the escape key Ctrl-A followed by x calls `on_escape`. Ctrl-A twice sends one.
    void start_input(asio::io_context& io, CharacterReceiver& receiver, std::function<void()> on_escape);

    // The terminal's size, if the input is one that has a size.
    struct TerminalSize {
        std::uint16_t columns = 0;
        std::uint16_t rows = 0;
        friend bool operator==(const TerminalSize&, const TerminalSize&) = default;
    };
    std::optional<TerminalSize> terminal_size() const;

  private:
    static constexpr std::size_t kMostBuffered = std::size_t{1} << 20;

    class Input;

    void write_loop();

    ConsoleDescriptors descriptors_;
    std::mutex mutex_;
    std::condition_variable wake_;
    std::vector<std::byte> buffer_;
    bool closing_ = false;
    std::thread writer_;
    std::shared_ptr<Input> input_;
};

}  // namespace ringside::devices
