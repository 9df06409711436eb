#include "vmm/machine/guest_memory.h"

#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>
#include <utility>

#include "vmm/machine/layout.h"
#include "vmm/machine/memory_file.h"

namespace ringside::machine {

namespace {

constexpr const char* kOperation = "guest memory";

std::uint64_t host_physical_memory() {
    const long pages = sysconf(_SC_PHYS_PAGES);
    const long page_size = sysconf(_SC_PAGESIZE);
    if (pages <= 0 || page_size <= 0)
        return std::numeric_limits<std::uint64_t>::max();  // unknown: let mmap decide
    return static_cast<std::uint64_t>(pages) * static_cast<std::uint64_t>(page_size);
}

// A size as a user would give it to `-m`, in the largest unit that divides it.
std::string size_text(std::uint64_t bytes) {
    if (bytes >= layout::kMiB && bytes % layout::kMiB == 0)
        return fmt::format("{} MiB", bytes / layout::kMiB);
    if (bytes >= layout::kKiB && bytes % layout::kKiB == 0)
        return fmt::format("{} KiB", bytes / layout::kKiB);
    return fmt::format("{} bytes", bytes);
}

bool overlap(const MemoryRegion& a, const MemoryRegion& b) {
    return a.start() < b.end() && b.start() < a.end();
}

tl::unexpected<Error> overlap_failure(const MemoryRegion& a, const MemoryRegion& b) {
    return failure(kOperation, fmt::format("region [{:#x}, {:#x}) overlaps region [{:#x}, {:#x})",
                                           a.start().value, a.end().value, b.start().value, b.end().value));
}

Result<void> check_ram_size(std::uint64_t bytes) {
    if (bytes == 0)
        return failure(kOperation, "a size of 0 leaves the guest no memory", "Give it some, such as -m 64M");
    if (bytes % layout::kPage != 0)
        return failure(kOperation, fmt::format("{} bytes is no multiple of 4 KiB", bytes),
                       "Round it to whole pages");
    const std::uint64_t host = host_physical_memory();
    if (bytes > host)
        return failure(
            kOperation,
            fmt::format("{} was asked for, but this host has {}", size_text(bytes), size_text(host)),
            "Give a smaller -m");
    return {};
}

}  // namespace

Result<MemoryRegion> MemoryRegion::allocate(Gpa start, std::uint64_t size, bool read_only) {
    if (size == 0 || size % layout::kPage != 0 || start.value % layout::kPage != 0)
        return failure(kOperation, fmt::format("region at {:#x} of {} bytes is not made of whole 4 KiB pages",
                                               start.value, size));
    if (size > std::numeric_limits<std::uint64_t>::max() - start.value)
        return failure(kOperation, fmt::format("region at {:#x} of {} wraps around the address space",
                                               start.value, size_text(size)));
    // NORESERVE: a guest that touches a tenth of its memory costs a tenth of it.
    void* host =
        mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (host == MAP_FAILED)
        return errno_failure(fmt::format("map {} of guest memory", size_text(size)), errno,
                             "Give a smaller -m");
    MemoryRegion region(start, size, read_only);
    region.lazily_allocated_ = true;
    region.mapping_ = Mapping(host, size);
    return region;
}

Result<MemoryRegion> MemoryRegion::share_file(Gpa start, const Fd& file, std::uint64_t size) {
    void* host =
        mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), static_cast<off_t>(start.value));
    if (host == MAP_FAILED)
        return errno_failure(fmt::format("map {} of a file", size_text(size)), errno);
    MemoryRegion region(start, size, false);
    region.mapping_ = Mapping(host, size);
    return region;
}

MemoryRegion MemoryRegion::of_file(Gpa start, std::shared_ptr<const Fd> file, std::uint64_t offset,
                                   std::uint64_t size) {
    MemoryRegion region(start, size, true);
    region.file_ = std::move(file);
    region.file_offset_ = offset;
    return region;
}

std::size_t MemoryRegion::copy(std::uint64_t offset, std::span<std::byte> out) const {
    if (file_ == nullptr) {
        std::memcpy(out.data(), host() + offset, out.size());
        return out.size();
    }
    std::size_t done = 0;
    while (done < out.size()) {
        const ssize_t count = ::pread(file_->get(), out.data() + done, out.size() - done,
                                      static_cast<off_t>(file_offset_ + offset + done));
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            break;
        done += static_cast<std::size_t>(count);
    }
    return done;
}

Result<GuestMemory> GuestMemory::create(std::uint64_t bytes, const MemoryFile* file) {
    TRY(check_ram_size(bytes));

    const auto ram = [file](Gpa start, std::uint64_t size) {
        return file == nullptr ? MemoryRegion::allocate(start, size) : file->region(start, size);
    };
    std::vector<MemoryRegion> regions;
    const std::uint64_t below_hole = std::min(bytes, layout::kHole.value);
    auto low = TRY(ram(Gpa{0}, below_hole));
    regions.push_back(std::move(low));
    if (bytes > below_hole) {
        auto high = TRY(ram(layout::kHoleEnd, bytes - below_hole));
        regions.push_back(std::move(high));
    }
    return GuestMemory(std::move(regions));
}

Result<GuestMemory> GuestMemory::create(std::vector<MemoryRegion> regions) {
    GuestMemory memory(std::vector<MemoryRegion>{});
    for (MemoryRegion& region : regions) {
        TRY(memory.add(std::move(region)));
    }
    return memory;
}

std::uint64_t GuestMemory::ram_size() const {
    std::uint64_t total = 0;
    for (const MemoryRegion& region : regions_)
        total += region.read_only() ? 0 : region.size();
    return total;
}

Result<void> GuestMemory::add(MemoryRegion region) {
    for (const MemoryRegion& other : regions_) {
        if (overlap(region, other))
            return overlap_failure(region, other);
    }
    const auto place = std::find_if(regions_.begin(), regions_.end(), [&](const MemoryRegion& other) {
        return other.start() > region.start();
    });
    regions_.insert(place, std::move(region));
    return {};
}

const MemoryRegion* GuestMemory::region_of(Gpa gpa) const {
    // A guest has two to a dozen regions: a linear scan is as fast as a binary search.
    for (const MemoryRegion& region : regions_) {
        if (gpa >= region.start() && gpa < region.end())
            return &region;
    }
    return nullptr;
}

std::uint64_t GuestMemory::extent(Gpa gpa, std::uint64_t size) const {
    const MemoryRegion* region = region_of(gpa);
    return region == nullptr ? 0 : std::min(size, region->end() - gpa);
}

std::span<std::byte> GuestMemory::prefix(Gpa gpa, std::uint64_t size) const {
    const MemoryRegion* region = region_of(gpa);
    if (region == nullptr || region->host() == nullptr)
        return {};
    return {region->host() + (gpa - region->start()), std::min(size, region->end() - gpa)};
}

std::span<std::byte> GuestMemory::span(Gpa gpa, std::uint64_t size) const {
    const std::span<std::byte> bytes = prefix(gpa, size);
    return bytes.size() == size ? bytes : std::span<std::byte>{};
}

std::span<std::byte> GuestMemory::writable_span(Gpa gpa, std::uint64_t size) const {
    const MemoryRegion* region = region_of(gpa);
    return region == nullptr || region->read_only() ? std::span<std::byte>{} : span(gpa, size);
}

void GuestMemory::device_read(Gpa gpa, std::span<const std::byte> place, std::span<std::byte> out) const {
    std::ranges::copy(place.first(out.size()), out.begin());
    if (planted_ != nullptr)
        planted_->hide(gpa, out);
}

void GuestMemory::device_write(Gpa gpa, std::span<std::byte> place, std::span<const std::byte> data,
                               WrittenBy by) const {
    if (planted_ != nullptr)
        planted_->write(gpa, place, data, by);
    else
        std::ranges::copy(data, place.begin());
    note_write(gpa, data.size());
}

std::size_t GuestMemory::copy_prefix(Gpa gpa, std::span<std::byte> out) const {
    const MemoryRegion* region = region_of(gpa);
    if (region == nullptr)
        return 0;
    const auto size = std::min<std::uint64_t>(out.size(), region->end() - gpa);
    return region->copy(gpa - region->start(), out.first(size));
}

Result<void> GuestMemory::read(Gpa gpa, std::span<std::byte> out) const {
    while (!out.empty()) {
        const std::size_t count = copy_prefix(gpa, out);
        if (count == 0)
            return failure("read guest memory", fmt::format("no memory at {:#x}", gpa.value));
        out = out.subspan(count);
        gpa = gpa + count;
    }
    return {};
}

Result<void> GuestMemory::write(Gpa gpa, std::span<const std::byte> data) const {
    while (!data.empty()) {
        const std::span<std::byte> bytes = prefix(gpa, data.size());
        if (bytes.empty())
            return failure("write guest memory", fmt::format("no memory at {:#x}", gpa.value));
        std::memcpy(bytes.data(), data.data(), bytes.size());
        note_write(gpa, bytes.size());
        data = data.subspan(bytes.size());
        gpa = gpa + bytes.size();
    }
    return {};
}

}  // namespace ringside::machine
