// Files that users name for a command to write.
#pragma once

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>

#include "vmm/base/error.h"

namespace ringside {

// Fails if what the path leads to is no file. A pipe would wait for its reader, and a command that fails removes what it
// has begun, which must not be a device.
inline Result<void> check_output_file(const std::string& path) {
    std::error_code ignored;
    const auto there = std::filesystem::status(path, ignored);
    if (std::filesystem::exists(there) && !std::filesystem::is_regular_file(there))
        return failure("write " + path, "what is there is not a regular file", "Choose another name");
    return {};
}

// Writes a file that holds either all that `write` puts into it or what it held before. Until then the data is in PATH.part,
// which takes the path's place at the end. `write` is called with a std::ofstream and returns a Result<void>; its error, and
// that of the file system, is returned.
template <typename Write>
Result<void> replace_file(const std::filesystem::path& named, Write write) {
    const std::string operation = "write " + named.string();
    TRY(check_output_file(named.string()));
    std::error_code error;
    // The file that a symbolic link names is replaced, not the link.
    const auto path =
        std::filesystem::exists(named, error) ? std::filesystem::canonical(named, error) : named;
    const std::filesystem::path part = path.string() + ".part";
    const auto fill = [&]() -> Result<void> {
        std::ofstream file(part, std::ios::binary | std::ios::trunc);
        if (file)
            TRY(write(file));
        file.close();
        if (!file)
            return errno_failure(operation, errno);
        std::filesystem::rename(part, path, error);
        if (error)
            return errno_failure(operation, error.value());
        return {};
    };
    auto done = fill();
    if (!done)
        std::filesystem::remove(part, error);
    return done;
}

}  // namespace ringside
