// The guest's RAM: host mappings at guest-physical addresses. Or a dumped guest's, in a file.
//
// Threading: the map of regions is immutable once the machine runs; the bytes are shared with running vCPUs,
// so a reader that needs a consistent view stops the guest first. No call allocates.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "vmm/base/error.h"
#include "vmm/base/fd.h"
#include "vmm/base/ids.h"
#include "vmm/machine/planted_bytes.h"

namespace ringside::machine {

class MemoryFile;

// One contiguous piece of RAM or ROM, owned.
class MemoryRegion {
  public:
    // Maps `size` bytes (a multiple of 4 KiB) of zeroed, lazily allocated memory.
    static Result<MemoryRegion> allocate(Gpa start, std::uint64_t size, bool read_only = false);
    // Bytes of a file at the offset `start`, shared with other users of the file. All are whole pages, and the file
    // must keep them as long as the region lives.
    static Result<MemoryRegion> share_file(Gpa start, const Fd& file, std::uint64_t size);
    // Bytes of a file, read on demand: if a mapped file were truncated, the process would end. Start,
    // size and offset are arbitrary.
    static MemoryRegion of_file(Gpa start, std::shared_ptr<const Fd> file, std::uint64_t offset,
                                std::uint64_t size);

    Gpa start() const { return start_; }
    std::uint64_t size() const { return size_; }
    Gpa end() const { return start_ + size_; }
    bool read_only() const { return read_only_; }
    // Memory that was never touched is not allocated yet, and zero.
    bool lazily_allocated() const { return lazily_allocated_; }
    // Null for of_file().
    std::byte* host() const { return static_cast<std::byte*>(mapping_.get()); }
    // Copies bytes of the region. Returns how many: fewer than requested if the file no longer has them.
    std::size_t copy(std::uint64_t offset, std::span<std::byte> out) const;

  private:
    MemoryRegion(Gpa start, std::uint64_t size, bool read_only)
        : start_(start), size_(size), read_only_(read_only) {}
    Gpa start_;
    std::uint64_t size_ = 0;
    bool read_only_ = false;
    bool lazily_allocated_ = false;
    Mapping mapping_;
    std::shared_ptr<const Fd> file_;
    std::uint64_t file_offset_ = 0;
};

// Called when the monitor itself writes to guest memory, on the writer's thread.
class WriteListener {
  public:
    virtual ~WriteListener() = default;
    virtual void written(Gpa gpa, std::uint64_t size) = 0;
};

class GuestMemory {
  public:
    // RAM of `bytes`, in a file if one is given: [0, 3 GiB) and the rest from 4 GiB. Fails if the size is 0, is not a multiple of 4 KiB,
    // or is more than the host can back.
    static Result<GuestMemory> create(std::uint64_t bytes, const MemoryFile* file = nullptr);
    // For tests and firmware: any regions that do not overlap.
    static Result<GuestMemory> create(std::vector<MemoryRegion> regions);

    std::span<const MemoryRegion> regions() const { return regions_; }
    // Total RAM in bytes, without ROM.
    std::uint64_t ram_size() const;
    // Adds a ROM. Call it only before the machine is created.
    Result<void> add(MemoryRegion region);

    // Exchanges contents with another memory; the observer of writes to this one stays. While every vCPU is parked and
    // no device accesses the guest.
    void swap_regions(GuestMemory& other) { regions_.swap(other.regions_); }

    // How many of the `size` bytes from gpa on are in one region; 0 if gpa is not backed.
    std::uint64_t extent(Gpa gpa, std::uint64_t size) const;
    bool contains(Gpa gpa, std::uint64_t size) const { return extent(gpa, size) == size; }

    // The host bytes of [gpa, gpa + size), or an empty span if any byte of it is not backed by one region. This and the
    // next two are empty for bytes in a file.
    std::span<std::byte> span(Gpa gpa, std::uint64_t size) const;
    // The same for a device's write: also empty if any of the bytes belongs to a ROM.
    std::span<std::byte> writable_span(Gpa gpa, std::uint64_t size) const;
    // The contiguous host bytes from gpa on, at most `size`; empty if gpa is not backed.
    std::span<std::byte> prefix(Gpa gpa, std::uint64_t size) const;

    // Copy between a device's bytes and `place`, which is span() or writable_span() of `gpa`. A device sees
    // the guest's own bytes where a debugger has planted a breakpoint (planted_bytes.h).
    void device_read(Gpa gpa, std::span<const std::byte> place, std::span<std::byte> out) const;
    void device_write(Gpa gpa, std::span<std::byte> place, std::span<const std::byte> data,
                      WrittenBy by = WrittenBy::Device) const;
    // Call it before the machine runs. `planted` must outlive the machine.
    void set_planted(PlantedBytes& planted) { planted_ = &planted; }

    // Only while every vCPU is parked and no device accesses the guest.
    void set_write_listener(WriteListener* listener) { write_listener_ = listener; }
    // Guest memory was written by something else than a vCPU or the calls of this class.
    void note_write(Gpa gpa, std::uint64_t size) const {
        if (write_listener_ != nullptr)
            write_listener_->written(gpa, size);
    }

    // Copies the bytes from gpa on, to the end of its region at most. Returns how many; 0 if gpa is not backed, or by a
    // file that no longer has the byte.
    std::size_t copy_prefix(Gpa gpa, std::span<std::byte> out) const;
    // Both copy and may cross regions. The error names the first address that is not backed.
    Result<void> read(Gpa gpa, std::span<std::byte> out) const;
    Result<void> write(Gpa gpa, std::span<const std::byte> data) const;

  private:
    explicit GuestMemory(std::vector<MemoryRegion> regions) : regions_(std::move(regions)) {}
    const MemoryRegion* region_of(Gpa gpa) const;

    std::vector<MemoryRegion> regions_;  // sorted by start
    PlantedBytes* planted_ = nullptr;
    WriteListener* write_listener_ = nullptr;
};

}  // namespace ringside::machine
