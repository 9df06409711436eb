// Files for a test, removed with it.
#pragma once

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <span>
#include <string>
#include <vector>

namespace ringside::devices::virtio::testing {

class TemporaryFolder {
  public:
    TemporaryFolder() {
        std::string name = (std::filesystem::temp_directory_path() / "ringside-virtio-XXXXXX").string();
        if (::mkdtemp(name.data()) == nullptr)
            std::abort();
        path_ = name;
    }
    ~TemporaryFolder() { std::filesystem::remove_all(path_); }
    TemporaryFolder(const TemporaryFolder&) = delete;
    TemporaryFolder& operator=(const TemporaryFolder&) = delete;

    std::string operator/(const std::string& name) const { return (path_ / name).string(); }

    // A file of `size` bytes, each sector filled with its number's low byte.
    std::string image(const std::string& name, std::size_t size) const {
        std::vector<char> content(size);
        for (std::size_t i = 0; i < size; ++i)
            content[i] = static_cast<char>(i / 512);
        std::ofstream(*this / name, std::ios::binary)
            .write(content.data(), static_cast<std::streamsize>(size));
        return *this / name;
    }

  private:
    std::filesystem::path path_;
};

inline std::string file_content(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace ringside::devices::virtio::testing
