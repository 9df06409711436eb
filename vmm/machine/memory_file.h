// A file that is a guest's RAM, for other programs to read while the guest runs. A guest-physical address is the offset
// in the file; where the guest has no RAM the file has a hole.
#pragma once

#include <cstdint>
#include <string>

#include "vmm/base/error.h"
#include "vmm/base/fd.h"
#include "vmm/machine/guest_memory.h"

namespace ringside::machine {

class MemoryFile {
  public:
    // Creates an empty file beside `path`, accessible only to its owner. It replaces a file at `path` when
    // put_in_place() is called; programs that have the old one open keep it. Fails if `path` is not a regular file.
    static Result<MemoryFile> create(const std::string& path);
    MemoryFile(MemoryFile&&) noexcept;
    MemoryFile& operator=(MemoryFile&&) = delete;
    // Removes a file that was not put in place.
    ~MemoryFile();

    // RAM in the file. Its space is reserved first, so that the guest does not run into a full disk.
    Result<MemoryRegion> region(Gpa start, std::uint64_t size) const;
    Result<void> put_in_place();

  private:
    MemoryFile(std::string path, std::string temporary, Fd fd)
        : path_(std::move(path)), temporary_(std::move(temporary)), fd_(std::move(fd)) {}

    std::string path_;
    std::string temporary_;  // empty once it is in place
    Fd fd_;
};

}  // namespace ringside::machine
