// Which versions of its files something was made from.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <vector>

namespace ringside::cli {

class FileVersions {
  public:
    // Remembers files as they are now. Made before they are read, it notices what changes while they are. Empty paths
    // are left out.
    explicit FileVersions(const std::vector<std::filesystem::path>& paths);

    // Returns true if one of them has been written to, replaced, created or removed since.
    bool changed() const;

  private:
    struct Version {
        ::dev_t device = 0;
        ::ino_t number = 0;
        ::off_t size = 0;
        std::int64_t seconds = 0, nanoseconds = 0;  // of the last write
        bool operator==(const Version&) const = default;
    };
    struct File {
        std::filesystem::path path;
        std::optional<Version> version;  // none: it cannot be read
    };
    static std::optional<Version> version_of(const std::filesystem::path& path);

    std::vector<File> files_;
};

}  // namespace ringside::cli
