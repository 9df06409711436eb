// The block device (virtio 1.2, 5.2) over a disk image.
//
// Requests are processed one after the other, in the driver's order. Data goes through a bounce buffer: host
// I/O takes place outside the gate, so a slow disk does not delay a stop, and the memory of a stopped guest
// does not change when a read completes.
//
// A flush completes after fdatasync() has returned, so flushed data outlives the monitor. For a driver that
// does not negotiate flush, every write is flushed (5.2.6.2).
#pragma once

#include <vector>

#include "vmm/devices/virtio/chain.h"
#include "vmm/devices/virtio/constants.h"
#include "vmm/devices/virtio/device.h"
#include "vmm/devices/virtio/disk_image.h"
#include "vmm/devices/virtio/transport.h"

namespace ringside::devices::virtio {

class Block final : public Device {
  public:
    explicit Block(DiskImage image);

    Identity identity() const override;
    std::span<const std::byte> config() const override { return std::as_bytes(std::span(&config_, 1)); }
    void start(Transport& transport, asio::io_context&) override { transport_ = &transport; }
    void on_kick(unsigned queue) override;
    void add_states(machine::DeviceStates& states) const override;

  private:
    // struct virtio_blk_config (5.2.4).
    struct [[gnu::packed]] Config {
        std::uint64_t capacity = 0;  // sectors
        std::uint32_t size_max = 0;
        std::uint32_t seg_max = 0;
        std::uint8_t geometry[4] = {};
        std::uint32_t blk_size = 0;
        std::uint8_t topology[8] = {};
        std::uint8_t writeback = 0;
        std::uint8_t unused0 = 0;
        std::uint16_t num_queues = 0;
        std::uint32_t max_discard_sectors = 0;
        std::uint32_t max_discard_seg = 0;
        std::uint32_t discard_sector_alignment = 0;
        std::uint32_t max_write_zeroes_sectors = 0;
        std::uint32_t max_write_zeroes_seg = 0;
        std::uint8_t write_zeroes_may_unmap = 0;
        std::uint8_t unused1[3] = {};
    };
    static_assert(sizeof(Config) == 60);

    // struct virtio_blk_req's head (5.2.6).
    struct Header {
        std::uint32_t type;
        std::uint32_t reserved;
        std::uint64_t sector;
    };
    // struct virtio_blk_discard_write_zeroes.
    struct Range {
        std::uint64_t sector;
        std::uint32_t sectors;
        std::uint32_t flags;
    };
    enum class Status : std::uint8_t { Ok = 0, IoError = 1, Unsupported = 2 };
    // The result of a request; nullopt if the driver reset the device or the machine ended meanwhile.
    struct Outcome {
        Status status = Status::Ok;
        std::uint64_t written = 0;  // bytes of data, without the status
    };

    bool take(unsigned queue);
    std::optional<Outcome> execute(const Header& header);
    std::optional<Outcome> read(const Header& header);
    std::optional<Outcome> write(const Header& header);
    std::optional<Outcome> change_range(const Header& header);
    std::optional<Outcome> identify();
    Outcome flush() const;
    bool in_image(std::uint64_t sector, std::uint64_t bytes) const;
    std::uint64_t data_room() const { return chain_.writable() - 1; }
    // Copies between the request and the buffer. Returns false if the request is gone.
    bool fetch(std::uint64_t offset, std::span<std::byte> out);
    bool deliver(std::uint64_t offset, std::span<const std::byte> data);

    DiskImage image_;
    Config config_;
    Transport* transport_ = nullptr;
    Chain chain_;
    Header header_{};
    bool write_through_ = false;
    std::vector<std::byte> buffer_;
};

}  // namespace ringside::devices::virtio
