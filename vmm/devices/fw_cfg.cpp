#include "vmm/devices/fw_cfg.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <utility>

#include "vmm/devices/savable.h"

namespace ringside::devices {

static_assert(Savable<FwCfg>);

namespace {

// Registers, from the first port on.
constexpr std::uint64_t kSelector = 0;  // 16 bits, write-only
constexpr std::uint64_t kData = 1;      // 8 bits
constexpr std::uint64_t kDmaHigh = 4;   // 32 bits each, big-endian; a write to the low half starts a transfer
constexpr std::uint64_t kDmaLow = 8;
constexpr std::uint64_t kDmaEnd = 12;

// What the DMA register reads as.
constexpr std::array<char, 8> kDmaSignature{'Q', 'E', 'M', 'U', ' ', 'C', 'F', 'G'};

// In guest memory, big-endian.
struct [[gnu::packed]] DmaDescriptor {
    std::uint32_t control = 0;
    std::uint32_t length = 0;
    std::uint64_t address = 0;
};
static_assert(sizeof(DmaDescriptor) == 16);

// Bits of `control`; with kSelect, bits 31:16 are the key. The device clears all but kError when it is done.
constexpr std::uint32_t kError = 1U << 0;
constexpr std::uint32_t kRead = 1U << 1;
constexpr std::uint32_t kSkip = 1U << 2;
constexpr std::uint32_t kSelect = 1U << 3;
constexpr std::uint32_t kWrite = 1U << 4;
constexpr std::uint32_t kKeyShift = 16;

std::uint32_t big_endian(std::span<const std::byte> data) {
    std::uint32_t value = 0;
    std::memcpy(&value, data.data(), sizeof value);
    return __builtin_bswap32(value);
}

}  // namespace

FwCfg::FwCfg(machine::FwCfgItems items, const machine::GuestMemory& memory) : memory_(memory) {
    replace(std::move(items));
}

void FwCfg::replace(machine::FwCfgItems items) {
    const std::scoped_lock lock(mutex_);
    items_ = std::move(items);
    // The directory lists it; its content is in the device's state.
    vmcoreinfo_key_ = items_.put_file("etc/vmcoreinfo", std::vector<std::byte>(sizeof(VmcoreinfoEntry)));
}

void FwCfg::read(std::uint64_t offset, std::span<std::byte> data) {
    std::ranges::fill(data, std::byte{0xff});
    if (offset == kData && data.size() == 1) {
        const std::scoped_lock lock(mutex_);
        const auto bytes = take(1);
        data[0] = bytes.empty() ? std::byte{0} : bytes[0];
    } else if (offset >= kDmaHigh && offset + data.size() <= kDmaEnd) {
        std::memcpy(data.data(), kDmaSignature.data() + (offset - kDmaHigh), data.size());
    }
}

void FwCfg::write(std::uint64_t offset, std::span<const std::byte> data) {
    const std::scoped_lock lock(mutex_);
    if (offset == kSelector && data.size() == sizeof(std::uint16_t)) {
        std::uint16_t key = 0;
        std::memcpy(&key, data.data(), sizeof key);
        select(key);
    } else if (offset == kDmaHigh && data.size() == sizeof(std::uint32_t)) {
        state_.dma_high = big_endian(data);
    } else if (offset == kDmaLow && data.size() == sizeof(std::uint32_t)) {
        const Gpa descriptor{std::uint64_t{std::exchange(state_.dma_high, 0)} << 32 | big_endian(data)};
        transfer(descriptor);
    }
}

void FwCfg::select(std::uint16_t key) {
    state_.key = key;
    state_.offset = 0;
}

std::span<const std::byte> FwCfg::selected() const {
    return state_.key == vmcoreinfo_key_ ? std::as_bytes(std::span(&state_.vmcoreinfo, 1))
                                         : items_.find(state_.key);
}

std::span<const std::byte> FwCfg::take(std::uint32_t size) {
    const auto item = selected();
    const auto rest = item.subspan(std::min<std::size_t>(state_.offset, item.size()));
    // Once the item has ended, it does not matter how far past the end the offset is.
    const auto room = std::numeric_limits<std::uint32_t>::max() - state_.offset;
    state_.offset += std::min(size, room);
    return rest.first(std::min<std::size_t>(size, rest.size()));
}

void FwCfg::transfer(Gpa descriptor) {
    const auto place = memory_.writable_span(descriptor, sizeof(DmaDescriptor));
    if (place.empty())
        return;  // nowhere to report to
    DmaDescriptor access;
    std::memcpy(&access, place.data(), sizeof access);
    const std::uint32_t control = __builtin_bswap32(access.control);
    const std::uint32_t length = __builtin_bswap32(access.length);
    if ((control & kSelect) != 0)
        select(static_cast<std::uint16_t>(control >> kKeyShift));
    bool done = true;
    if ((control & kRead) != 0)
        done = copy_item(Gpa{__builtin_bswap64(access.address)}, length);
    else if ((control & kWrite) != 0)
        done = write_item(Gpa{__builtin_bswap64(access.address)}, length);
    else if ((control & kSkip) != 0)
        take(length);
    access.control = done ? 0 : __builtin_bswap32(kError);
    // Write the whole structure, with only `control` changed: that is the field that the guest polls.
    std::memcpy(place.data(), &access.control, sizeof access.control);
    memory_.note_write(descriptor, sizeof access.control);
}

bool FwCfg::copy_item(Gpa to, std::uint32_t size) {
    if (size == 0)
        return true;
    const auto place = memory_.writable_span(to, size);
    if (place.empty())
        return false;
    const auto bytes = take(size);
    memory_.device_write(to, place.first(bytes.size()), bytes, machine::WrittenBy::Loader);
    static constexpr std::array<std::byte, 4096> kZeros{};
    for (std::size_t done = bytes.size(); done < size;) {
        const auto zeros = std::span(kZeros).first(std::min(kZeros.size(), size - done));
        memory_.device_write(to + done, place.subspan(done, zeros.size()), zeros, machine::WrittenBy::Loader);
        done += zeros.size();
    }
    return true;
}

// Only all of "etc/vmcoreinfo" at once can be written. What the host supports stays the host's.
bool FwCfg::write_item(Gpa from, std::uint32_t size) {
    VmcoreinfoEntry entry;
    if (state_.key != vmcoreinfo_key_ || state_.offset != 0 || size != sizeof entry ||
        !memory_.read(from, std::as_writable_bytes(std::span(&entry, 1))))
        return false;
    entry.host_format = VmcoreinfoEntry{}.host_format;
    state_.vmcoreinfo = entry;
    state_.offset += size;
    return true;
}

std::optional<FwCfg::VmcoreinfoEntry> FwCfg::vmcoreinfo() const {
    const std::scoped_lock lock(mutex_);
    const VmcoreinfoEntry& entry = state_.vmcoreinfo;
    return entry.guest_format == entry.host_format ? std::optional(entry) : std::nullopt;
}

FwCfg::State FwCfg::save() const {
    const std::scoped_lock lock(mutex_);
    return state_;
}

void FwCfg::restore(const State& state) {
    const std::scoped_lock lock(mutex_);
    state_ = state;
}

}  // namespace ringside::devices
