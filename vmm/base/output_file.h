// Files that users name for a command to write.
#pragma once

#include <filesystem>
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

}  // namespace ringside
