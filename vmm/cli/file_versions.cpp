#include "vmm/cli/file_versions.h"

#include <sys/stat.h>

#include <algorithm>

namespace ringside::cli {

FileVersions::FileVersions(const std::vector<std::filesystem::path>& paths) {
    for (const auto& path : paths) {
        if (!path.empty())
            files_.push_back({path, version_of(path)});
    }
}

bool FileVersions::changed() const {
    return std::ranges::any_of(files_,
                               [](const File& file) { return version_of(file.path) != file.version; });
}

std::optional<FileVersions::Version> FileVersions::version_of(const std::filesystem::path& path) {
    struct ::stat status {};
    if (::stat(path.c_str(), &status) != 0)
        return std::nullopt;
    return Version{status.st_dev, status.st_ino, status.st_size, status.st_mtim.tv_sec,
                   status.st_mtim.tv_nsec};
}

}  // namespace ringside::cli
