#include "vmm/boot/file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace ringside::boot {

namespace {

class FileDescriptor {
  public:
    explicit FileDescriptor(int fd) : fd_(fd) {}
    FileDescriptor(const FileDescriptor&) = delete;
    FileDescriptor& operator=(const FileDescriptor&) = delete;
    ~FileDescriptor() {
        if (fd_ >= 0)
            close(fd_);
    }
    int get() const { return fd_; }

  private:
    int fd_;
};

const char* kind_of(mode_t mode) {
    if (S_ISDIR(mode))
        return "a directory";
    if (S_ISFIFO(mode))
        return "a FIFO";
    if (S_ISSOCK(mode))
        return "a socket";
    return "a device";
}

const char* advice_for(int code) {
    if (code == ENOENT)
        return "Check the path";
    if (code == EACCES)
        return "Make the file readable for this user";
    return "";
}

}  // namespace

Result<std::vector<std::byte>> read_file(const std::filesystem::path& path) {
    const std::string operation = fmt::format("load {}", path.string());
    // O_NONBLOCK: opening a FIFO without a writer must not hang.
    const FileDescriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    if (file.get() < 0)
        return errno_failure(operation, errno, advice_for(errno));
    struct stat status {};
    if (fstat(file.get(), &status) != 0)
        return errno_failure(operation, errno);
    if (!S_ISREG(status.st_mode))
        return failure(operation, fmt::format("it is {}, not a file", kind_of(status.st_mode)),
                       "Give a kernel image");
    const auto size = static_cast<std::uint64_t>(status.st_size);
    if (size == 0)
        return failure(operation, "the file is empty", "Build it again");
    if (size > kMaximumFileSize)
        return failure(operation, fmt::format("{} bytes are more than the {} that can be loaded", size,
                                              kMaximumFileSize));

    std::vector<std::byte> bytes(size);
    std::size_t done = 0;
    while (done < bytes.size()) {
        const ssize_t count = read(file.get(), bytes.data() + done, bytes.size() - done);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return errno_failure(operation, errno);
        if (count == 0)
            return failure(operation,
                           fmt::format("it shrank from {} to {} bytes while it was read", size, done),
                           "Try again when it is complete");
        done += static_cast<std::size_t>(count);
    }
    return bytes;
}

}  // namespace ringside::boot
