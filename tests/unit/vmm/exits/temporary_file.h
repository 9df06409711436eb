// A file in memory that lives as long as a test, with a path that any code can open.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <span>
#include <string>

#include "vmm/base/fd.h"

namespace ringside::exits {

class TemporaryFile {
  public:
    TemporaryFile() : fd_(::memfd_create("ringside-test", MFD_CLOEXEC)) {}
    explicit TemporaryFile(std::span<const char> bytes) : TemporaryFile() { write(bytes); }

    std::filesystem::path path() const { return "/proc/self/fd/" + std::to_string(fd_.get()); }
    void write(std::span<const char> bytes) const {
        std::ofstream file(path(), std::ios::binary | std::ios::trunc);
        file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    }
    std::string read() const {
        std::ifstream file(path(), std::ios::binary);
        return {std::istreambuf_iterator<char>(file), {}};
    }

  private:
    Fd fd_;
};

}  // namespace ringside::exits
