// A guest's driver made of noise: writes to registers and to guest memory, against each virtio device in
// turn.
//
// The first byte chooses the device. It is set up in good order, so that what follows reaches it. After that
// each step is a byte that says what to do, and what that needs:
//   0: a register write (offset, 32-bit value)   1: bytes into the queues' areas   2: bytes into the buffers
//   3: a notification, with the available index moved on   4: a fresh set-up   5: save and restore
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include <asio/io_context.hpp>

#include "vmm/devices/virtio/block.h"
#include "vmm/devices/virtio/net.h"
#include "vmm/devices/virtio/rng.h"
#include "vmm/devices/virtio/transport.h"
#include "vmm/devices/virtio/virtio_console.h"
#include "vmm/devices/virtio/vsock.h"
#include "vmm/machine/layout.h"

namespace {

using namespace ringside;
using namespace ringside::devices;

constexpr std::uint64_t kRam = layout::kMiB;
constexpr std::uint64_t kQueues = 0x1000;  // of each queue: a page of descriptors, one for each ring
constexpr std::uint64_t kPerQueue = 3 * layout::kPage;
constexpr std::uint64_t kBuffers = 0x10000;
constexpr std::uint32_t kQueueSize = 8;

class Line final : public machine::InterruptLine {
  public:
    void set(bool) override {}
};

// Takes every frame and has none.
class Nowhere final : public virtio::NetBackend {
  public:
    std::uint64_t features() const override { return 0; }
    void accept(std::uint64_t) override {}
    void start(asio::io_context&, Hooks) override {}
    void receive() override {}
    bool ready() const override { return true; }
    void send(std::span<const std::byte>) override {}
};

template <typename T>
T must(Result<T> result) {
    if (!result)
        std::abort();
    return std::move(*result);
}

std::string scratch(const char* name) {
    return "/tmp/ringside-virtio-fuzz-" + std::to_string(::getpid()) + name;
}

std::unique_ptr<virtio::Device> make_device(std::uint8_t choice) {
    switch (choice % 5) {
        case 0: {
            const std::string path = scratch(".img");
            if (std::FILE* file = std::fopen(path.c_str(), "w"); file == nullptr || std::fclose(file) != 0)
                std::abort();
            if (::truncate(path.c_str(), 64 * 512) != 0)
                std::abort();
            auto image = must(virtio::DiskImage::open({path, false}));
            ::unlink(path.c_str());
            return std::make_unique<virtio::Block>(std::move(image));
        }
        case 1:
            return std::make_unique<virtio::Net>(std::make_unique<Nowhere>(), virtio::MacAddress{},
                                                 [](const std::string&) {});
        case 2:
            return std::make_unique<virtio::VirtioConsole>(std::make_unique<Console>(ConsoleDescriptors{}),
                                                           [] {});
        case 3:
            return must(virtio::Vsock::open({3, scratch(".sock")}));
        default:
            return std::make_unique<virtio::Rng>();
    }
}

// Bytes of the input, and zeros after its end.
class Input {
  public:
    explicit Input(std::span<const std::uint8_t> data) : data_(data) {}
    bool empty() const { return data_.empty(); }
    template <typename T>
    T take() {
        T value{};
        const auto piece = take_bytes(sizeof value);
        std::memcpy(&value, piece.data(), piece.size());
        return value;
    }
    std::span<const std::uint8_t> take_bytes(std::size_t size) {
        const auto piece = data_.first(std::min(size, data_.size()));
        data_ = data_.subspan(piece.size());
        return piece;
    }

  private:
    std::span<const std::uint8_t> data_;
};

class Machine {
  public:
    explicit Machine(std::unique_ptr<virtio::Device> device)
        : device_(std::move(device)),
          transport_(*device_, {memory_, *gate_, line_,
                                [this](virtio::Events events) { virtio::dispatch(*device_, events); },
                                [](const std::string& text) {
                                    if (text.empty())
                                        std::abort();
                                }}) {
        device_->start(transport_, io_);
    }

    void set_up() {
        write(0x70, 0);
        write(0x70, 3);
        for (const std::uint32_t half : {0U, 1U}) {
            write(0x14, half);
            write(0x24, half);
            write(0x20, read(0x10));
        }
        write(0x70, 11);
        available_ = {};
        for (std::uint32_t queue = 0; queue < device_->identity().queues; ++queue) {
            const auto area = static_cast<std::uint32_t>(kQueues + queue * kPerQueue);
            const std::array<std::byte, kPerQueue> zeroes{};
            poke(area, zeroes);
            write(0x30, queue);
            write(0x38, kQueueSize);
            write(0x80, area);
            write(0x90, area + 0x1000);
            write(0xa0, area + 0x2000);
            write(0x44, 1);
        }
        write(0x70, 15);
    }

    void step(Input& input) {
        switch (input.take<std::uint8_t>() % 6) {
            case 0: {
                const auto offset = input.take<std::uint16_t>();
                return write(offset % 0x200, input.take<std::uint32_t>());
            }
            case 1:
                return poke_from(input, kQueues, 3 * kPerQueue);
            case 2:
                return poke_from(input, kBuffers, kRam - kBuffers);
            case 3: {
                const std::uint32_t queue = input.take<std::uint8_t>() % virtio::kMostQueues;
                const std::uint16_t index = ++available_[queue];
                poke(kQueues + queue * kPerQueue + 0x1002, std::as_bytes(std::span(&index, 1)));
                write(0x50, queue);
                io_.poll();
                return;
            }
            case 4:
                return set_up();
            default:
                return transport_.restore(transport_.save());
        }
    }

  private:
    void write(std::uint64_t offset, std::uint32_t value) {
        transport_.write(offset, std::as_bytes(std::span(&value, 1)));
    }
    std::uint32_t read(std::uint64_t offset) {
        std::uint32_t value = 0;
        transport_.read(offset, std::as_writable_bytes(std::span(&value, 1)));
        return value;
    }
    void poke(std::uint64_t address, std::span<const std::byte> data) {
        if (!memory_.write(Gpa{address}, data))
            std::abort();
    }
    void poke_from(Input& input, std::uint64_t start, std::uint64_t size) {
        const std::uint64_t offset = input.take<std::uint16_t>() % size;
        const auto data = std::as_bytes(input.take_bytes(input.take<std::uint8_t>()));
        poke(start + offset, data.first(std::min<std::uint64_t>(data.size(), size - offset)));
    }

    asio::io_context io_;
    machine::GuestMemory memory_ = must(machine::GuestMemory::create(kRam));
    std::shared_ptr<machine::DeviceGate> gate_ = std::make_shared<machine::DeviceGate>();
    Line line_;
    std::unique_ptr<virtio::Device> device_;
    virtio::Transport transport_;
    std::array<std::uint16_t, virtio::kMostQueues> available_{};
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0)
        return 0;
    Input input(std::span(data, size));
    Machine machine(make_device(input.take<std::uint8_t>()));
    machine.set_up();
    while (!input.empty())
        machine.step(input);
    return 0;
}
