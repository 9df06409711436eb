#include "vmm/devices/virtio/block.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <filesystem>

namespace ringside::devices::virtio {

namespace {

// Feature bits (5.2.3).
constexpr std::uint64_t kFeatureSegMax = std::uint64_t{1} << 2;
constexpr std::uint64_t kFeatureReadOnly = std::uint64_t{1} << 5;
constexpr std::uint64_t kFeatureBlockSize = std::uint64_t{1} << 6;
constexpr std::uint64_t kFeatureFlush = std::uint64_t{1} << 9;
constexpr std::uint64_t kFeatureDiscard = std::uint64_t{1} << 13;
constexpr std::uint64_t kFeatureWriteZeroes = std::uint64_t{1} << 14;

// Request types (5.2.6).
constexpr std::uint32_t kIn = 0;
constexpr std::uint32_t kOut = 1;
constexpr std::uint32_t kFlush = 4;
constexpr std::uint32_t kGetId = 8;
constexpr std::uint32_t kDiscard = 11;
constexpr std::uint32_t kWriteZeroes = 13;

constexpr std::uint32_t kFlagUnmap = 1;
constexpr std::size_t kIdSize = 20;

// Data moves in pieces of this size: what is copied under one pass of the gate.
constexpr std::size_t kBlockPiece = std::size_t{1} << 20;
// How much one discard or write-zeroes request may cover: 64 MiB.
constexpr std::uint32_t kMostRangeSectors = 0x20000;
// A chain holds the header and the status beside the data.
constexpr std::uint32_t kMostSegments = Queue::kLongestChain - 2;

}  // namespace

Block::Block(DiskImage image) : image_(std::move(image)) {
    config_.capacity = image_.size() / DiskImage::kSector;
    config_.seg_max = kMostSegments;
    config_.blk_size = DiskImage::kSector;
    if (image_.read_only())
        return;
    config_.max_discard_sectors = kMostRangeSectors;
    config_.max_discard_seg = 1;
    config_.discard_sector_alignment = 1;
    config_.max_write_zeroes_sectors = kMostRangeSectors;
    config_.max_write_zeroes_seg = 1;
    config_.write_zeroes_may_unmap = 1;
}

Identity Block::identity() const {
    constexpr std::uint64_t kAlways = kFeatureSegMax | kFeatureBlockSize | kFeatureFlush;
    return {kBlockId, "virtio block",
            kAlways | (image_.read_only() ? kFeatureReadOnly : kFeatureDiscard | kFeatureWriteZeroes), 1};
}

// A snapshot cannot hold an image that the guest writes to.
void Block::add_states(machine::DeviceStates& states) const {
    if (image_.overlay())
        states.add_disk(image_.overlay());
    else if (!image_.read_only())
        states.add_unsavable({"the disk " + image_.path(), "Start the machine with --disk FILE,overlay"});
}

void Block::on_kick(unsigned queue) {
    while (take(queue)) {
        const auto outcome = execute(header_);
        auto access = transport_->enter();
        if (!access)
            return;
        if (!outcome || !access->current(chain_))
            continue;  // the device was reset; a new driver may own the queue now
        const auto status = static_cast<std::byte>(outcome->status);
        chain_.write(data_room(), {&status, 1});
        access->finish(queue, chain_, static_cast<std::uint32_t>(outcome->written + 1));
    }
}

// The next request's header. A request without a header, or without room for a status, cannot be answered.
bool Block::take(unsigned queue) {
    auto access = transport_->enter();
    if (!access || !access->next(queue, chain_))
        return false;
    image_.begin_request();
    write_through_ = access->negotiated(kFeatureFlush) == 0;
    if (chain_.read(0, std::as_writable_bytes(std::span(&header_, 1))) == sizeof header_ &&
        chain_.writable() != 0)
        return true;
    access->fail("a block request without a header or without room for its status");
    return false;
}

std::optional<Block::Outcome> Block::execute(const Header& header) {
    switch (header.type) {
        case kIn:
            return read(header);
        case kOut:
            return write(header);
        case kFlush:
            return flush();
        case kGetId:
            return identify();
        case kDiscard:
        case kWriteZeroes:
            return change_range(header);
        default:
            return Outcome{Status::Unsupported, 0};
    }
}

bool Block::in_image(std::uint64_t sector, std::uint64_t bytes) const {
    return bytes % DiskImage::kSector == 0 && sector <= config_.capacity &&
           bytes / DiskImage::kSector <= config_.capacity - sector;
}

bool Block::fetch(std::uint64_t offset, std::span<std::byte> out) {
    const auto access = transport_->enter();
    return access && access->current(chain_) && chain_.read(offset, out) == out.size();
}

bool Block::deliver(std::uint64_t offset, std::span<const std::byte> data) {
    const auto access = transport_->enter();
    return access && access->current(chain_) && chain_.write(offset, data) == data.size();
}

std::optional<Block::Outcome> Block::read(const Header& header) {
    const std::uint64_t size = data_room();
    if (!in_image(header.sector, size))
        return Outcome{Status::IoError, 0};
    for (std::uint64_t done = 0; done < size; done += buffer_.size()) {
        buffer_.resize(std::min<std::uint64_t>(kBlockPiece, size - done));
        if (!image_.read(header.sector * DiskImage::kSector + done, buffer_))
            return Outcome{Status::IoError, done};
        if (!deliver(done, buffer_))
            return std::nullopt;
    }
    return Outcome{Status::Ok, size};
}

std::optional<Block::Outcome> Block::write(const Header& header) {
    const std::uint64_t size = chain_.readable() - sizeof header;
    if (image_.read_only() || !in_image(header.sector, size))
        return Outcome{Status::IoError, 0};
    for (std::uint64_t done = 0; done < size; done += buffer_.size()) {
        buffer_.resize(std::min<std::uint64_t>(kBlockPiece, size - done));
        if (!fetch(sizeof header + done, buffer_))
            return std::nullopt;
        if (!image_.write(header.sector * DiskImage::kSector + done, buffer_))
            return Outcome{Status::IoError, 0};
    }
    return write_through_ ? flush() : Outcome{};
}

Block::Outcome Block::flush() const {
    return {image_.read_only() || image_.flush() ? Status::Ok : Status::IoError, 0};
}

std::optional<Block::Outcome> Block::change_range(const Header& header) {
    Range range{};
    if (chain_.readable() != sizeof header + sizeof range || image_.read_only())
        return Outcome{Status::IoError, 0};
    if (!fetch(sizeof header, std::as_writable_bytes(std::span(&range, 1))))
        return std::nullopt;
    const bool zeroes = header.type == kWriteZeroes;
    // A discard has no flags; write-zeroes has one (5.2.6.2).
    if ((range.flags & ~(zeroes ? kFlagUnmap : 0)) != 0)
        return Outcome{Status::Unsupported, 0};
    const std::uint64_t offset = range.sector * DiskImage::kSector;
    const std::uint64_t size = range.sectors * DiskImage::kSector;
    if (range.sectors == 0 || range.sectors > kMostRangeSectors || !in_image(range.sector, size))
        return Outcome{Status::IoError, 0};
    const bool done = zeroes ? image_.write_zeroes(offset, size, (range.flags & kFlagUnmap) != 0)
                             : image_.discard(offset, size);
    if (!done)
        return Outcome{Status::IoError, 0};
    return write_through_ ? flush() : Outcome{};
}

// The end of the image's file name, by which /dev/disk/by-id in the guest tells disks apart.
std::optional<Block::Outcome> Block::identify() {
    const std::string name = std::filesystem::path(image_.path()).filename().string();
    std::array<std::byte, kIdSize> id{};
    std::memcpy(id.data(), name.data(), std::min(name.size(), id.size()));
    const auto size = std::min<std::uint64_t>(data_room(), id.size());
    if (!deliver(0, std::span(id).first(static_cast<std::size_t>(size))))
        return std::nullopt;
    return Outcome{Status::Ok, size};
}

}  // namespace ringside::devices::virtio
