// Carries a guest's characters between its serial line, or its virtio console, and a descriptor of the host.
//
// Output is buffered, so that a vCPU never waits for a terminal. A writer thread writes whatever has
// accumulated in one piece. Input is read on the io_context's thread.
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
    // `on_first_output` is called once, on the writer's thread, when the guest has written something.
    explicit Console(ConsoleDescriptors descriptors, std::function<void()> on_first_output = {});
    // Writes what is still buffered, unless the other side has stopped reading.
    ~Console() override;
    Console(const Console&) = delete;
    Console& operator=(const Console&) = delete;

    // May be called from any thread. If nobody reads the other end, output that exceeds the buffer is lost,
    // as on a real line.
    void write(std::span<const std::byte> data) override;

    // Starts to pass input to the receiver, on the io_context's thread. Puts a terminal into raw mode. Ctrl-A
    // followed by x calls `on_escape`; Ctrl-A twice sends one Ctrl-A.
    void start_input(asio::io_context& io, CharacterReceiver& receiver, std::function<void()> on_escape);

    // The terminal's size, if the input is a terminal that has one.
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
    std::function<void()> on_first_output_;
    std::mutex mutex_;
    std::condition_variable wake_;
    std::vector<std::byte> buffer_;
    bool closing_ = false;
    std::thread writer_;
    std::shared_ptr<Input> input_;
};

}  // namespace ringside::devices
