// A folder for a short time.
#pragma once

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <utility>

#include "vmm/base/error.h"

namespace ringside {

// A new folder that only its owner can enter. It is removed with this object, with all that is in it.
class TemporaryFolder {
  public:
    static Result<TemporaryFolder> create(const std::string& parent) {
        std::string path = parent + "/ringside-XXXXXX";
        if (::mkdtemp(path.data()) == nullptr)
            return errno_failure("create " + path, errno);
        return TemporaryFolder(std::move(path));
    }
    TemporaryFolder(TemporaryFolder&& other) noexcept : path_(std::exchange(other.path_, {})) {}
    TemporaryFolder& operator=(TemporaryFolder&&) = delete;
    ~TemporaryFolder() {
        std::error_code ignored;
        if (!path_.empty())
            std::filesystem::remove_all(path_, ignored);
    }
    const std::string& path() const { return path_; }

  private:
    explicit TemporaryFolder(std::string path) : path_(std::move(path)) {}
    std::string path_;
};

}  // namespace ringside
